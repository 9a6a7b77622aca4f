// hadamard_transform in place: x·(H_m ⊗ H_2^k)/√n over the middle index of [.., m·2^k, inner].
// Two kernels: butterflies over 2^k, then (m > 1) the sum over the m. A row of [m][2^k][inner] looks like this:
//
//        inner·2^k columns
//      ┌─────────────────┐
//   m  │ butterflies →   │   each of the m lines is one contiguous group for `hadamard_butterflies`
//      │  mix ↓          │   each column is independent for `hadamard_mix`, so that it too can work in place
//      └─────────────────┘
#include "arithmetic.cuh"

// Butterflies (u + v, u - v) over strides 1, 2, 4, ... < doublings.  x [groups][doublings][inner], contiguous.
// A block takes groups_of_block groups into shared memory: doublings·inner·groups_of_block floats (C# keeps that below the device's limit).
extern "C" __global__ void hadamard_butterflies(float* x, i64 groups, int doublings, int inner, int groups_of_block, float scale) {
    extern __shared__ float tile[];
    const int group_size = doublings * inner;
    const i64 first = (i64)blockIdx.x * groups_of_block;
    const int size = (int)min((i64)groups_of_block, groups - first) * group_size;
    float* from = x + first * group_size;
    for (int i = threadIdx.x; i < size; i += blockDim.x) tile[i] = from[i];
    for (int stride = inner; stride < group_size; stride *= 2) {
        __syncthreads();
        for (int e = threadIdx.x; e < size / 2; e += blockDim.x) {
            const int at = e / stride * 2 * stride + e % stride;
            const float u = tile[at], v = tile[at + stride];
            tile[at] = __fadd_rn(u, v);
            tile[at + stride] = __fsub_rn(u, v);
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < size; i += blockDim.x) from[i] = __fmul_rn(tile[i], scale);
}

constexpr int kOutputs = 8;   // outputs that a thread sums at once from each input it reads: the bits of a sign byte
constexpr int kColumns = 32;  // columns of a block: a cache line of floats

// y[to] = (Σ over from ascending of ±x[from], starting from +0)·scale, for each column.
// x [blocks][m][columns]; signs [ceil(m/8)][m] bytes: bit i of [c][from] is 1 where H[from, 8c + i] = -1. Grid (columns/32, blocks),
// block (32, 8); m·32 floats of shared memory.
extern "C" __global__ void hadamard_mix(float* x, int m, int columns, const u8* signs, float scale) {
    extern __shared__ float tile[];
    const int column = blockIdx.x * kColumns + threadIdx.x;
    float* block = x + (i64)blockIdx.y * m * columns + column;
    for (int from = threadIdx.y; from < m; from += blockDim.y)
        tile[from * kColumns + threadIdx.x] = column < columns ? block[(i64)from * columns] : 0.0f;
    __syncthreads();
    for (int to = threadIdx.y * kOutputs; to < m; to += blockDim.y * kOutputs) {
        float sum[kOutputs] = {};
        const u8* sign = signs + (i64)(to / kOutputs) * m;
        for (int from = 0; from < m; from++) {
            const u32 value = __float_as_uint(tile[from * kColumns + threadIdx.x]);
            const u32 bits = sign[from];
#pragma unroll
            for (int i = 0; i < kOutputs; i++) sum[i] = __fadd_rn(sum[i], __uint_as_float(value ^ ((bits << (31 - i)) & 0x80000000u)));
        }
#pragma unroll
        for (int i = 0; i < kOutputs; i++)
            if (to + i < m && column < columns) block[(i64)(to + i) * columns] = __fmul_rn(sum[i], scale);
    }
}
