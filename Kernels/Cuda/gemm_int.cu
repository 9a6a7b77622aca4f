// w4a4_gemm and w8a8_gemm on the INT8 tensor cores (mma.sync m16n8k32), with or without weight groups. For many rows; correct first.
//
// A block of 4 warps computes 64 rows × 64 channels, a warp 32 × 32, in steps of 64 columns (2 mma deep). W is unpacked to bytes on its way to
// shared memory; the next step's vectors are loaded into registers while this one is multiplied.
//
//             channels                    Rows of the tiles are 80 bytes apart: 8 rows × 4 threads of a fragment load then touch 32 banks.
//          ┌─────┬─────┐                  Weight groups are multiples of 64 columns, so a group ends with a step: there the exact int32
//   rows   │ w 0 │ w 1 │  64 × 64         sum is folded into the float total, t = fma((float)acc, sw_g, t), and starts again from 0.
//          ├─────┼─────┤
//          │ w 2 │ w 3 │
//          └─────┴─────┘
#include "arithmetic.cuh"

constexpr int kTile = 64;
constexpr int kStep = 64;
constexpr int kRowBytes = kStep + 16;

// 4 signed nibbles, one a byte, to 4 signed bytes: 8 becomes 8 + 8·30 = 0xf8, without a carry into the next byte.
__device__ __forceinline__ u32 extend_nibbles(u32 nibbles) { return nibbles | ((nibbles & 0x08080808u) * 30u); }

__device__ __forceinline__ void mma(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <int kBits>
struct Tiles {
    static constexpr int kWeightVectors = kBits == 4 ? 1 : 2;
    uint4 x[2], w[kWeightVectors];

    // Thread t takes 32 columns of row t/2 and of channel t/2. Beyond the matrix there are zeros.
    __device__ __forceinline__ void load(const signed char* xs, int stride, int row, int rows, const u8* ws, int pitch, int channel, int out, int k) {
        const uint4 zero = make_uint4(0, 0, 0, 0);
        const int part = threadIdx.x % 2;
        const uint4* from = (const uint4*)(xs + (i64)row * stride + k + 32 * part);
        const uint4* weights = (const uint4*)(ws + (i64)channel * pitch + (k + 32 * part) * kBits / 8);
#pragma unroll
        for (int i = 0; i < 2; i++) x[i] = row < rows ? from[i] : zero;
#pragma unroll
        for (int i = 0; i < kWeightVectors; i++) w[i] = channel < out ? weights[i] : zero;
    }

    __device__ __forceinline__ void store(u8* x_tile, u8* w_tile) const {
        const int at = threadIdx.x / 2 * kRowBytes + threadIdx.x % 2 * 32;
        uint4* to = (uint4*)(w_tile + at);
        ((uint4*)(x_tile + at))[0] = x[0];
        ((uint4*)(x_tile + at))[1] = x[1];
        if (kBits == 8) {
            to[0] = w[0];
            to[1] = w[kWeightVectors - 1];
            return;
        }
        const u32 packed[4] = {w[0].x, w[0].y, w[0].z, w[0].w};
        u32 bytes[8];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const u32 even = extend_nibbles(packed[i] & 0x0f0f0f0fu), odd = extend_nibbles((packed[i] >> 4) & 0x0f0f0f0fu);
            bytes[2 * i] = __byte_perm(even, odd, 0x5140);
            bytes[2 * i + 1] = __byte_perm(even, odd, 0x7362);
        }
        to[0] = make_uint4(bytes[0], bytes[1], bytes[2], bytes[3]);
        to[1] = make_uint4(bytes[4], bytes[5], bytes[6], bytes[7]);
    }
};

// x [rows, stride] int8 padded with zeros, sx [rows]; w [out, pitch bytes], sw [out, in/group]; y [rows, out]. Grid (out/64, rows/64), 128 threads.
template <int kBits>
__device__ __forceinline__ void gemm(const signed char* x, const float* sx, int stride, const u8* w, int pitch, const float* sw, int in, int group,
    const float* bias, float* y, int rows, int out, int accumulate) {
    __shared__ __align__(16) u8 x_tile[kTile * kRowBytes], w_tile[kTile * kRowBytes];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, quad = lane / 4, within = lane % 4;
    const int row0 = blockIdx.y * kTile, channel0 = blockIdx.x * kTile, warp_row = warp / 2 * 32, warp_channel = warp % 2 * 32;
    const int groups = in / group;
    int acc[2][4][4] = {};
    float total[2][4][4] = {};
    Tiles<kBits> next;
    next.load(x, stride, row0 + threadIdx.x / 2, rows, w, pitch, channel0 + threadIdx.x / 2, out, 0);
    for (int k = 0; k < in; k += kStep) {
        __syncthreads();
        next.store(x_tile, w_tile);
        __syncthreads();
        if (k + kStep < in) next.load(x, stride, row0 + threadIdx.x / 2, rows, w, pitch, channel0 + threadIdx.x / 2, out, k + kStep);
#pragma unroll
        for (int depth = 0; depth < kStep; depth += 32) {
            u32 a[2][4], b[4][2];
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 4; j++)
                    a[i][j] = *(const u32*)(x_tile + (warp_row + 16 * i + 8 * (j % 2) + quad) * kRowBytes + depth + 16 * (j / 2) + 4 * within);
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 2; j++) b[i][j] = *(const u32*)(w_tile + (warp_channel + 8 * i + quad) * kRowBytes + depth + 16 * j + 4 * within);
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) mma(acc[i][j], a[i], b[j]);
        }
        const int end = k + kStep;
        if (end % group != 0 && end < in) continue;
#pragma unroll
        for (int i = 0; i < 2; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    const int channel = channel0 + warp_channel + 8 * j + 2 * within + e % 2;
                    const float scale = channel < out ? sw[(i64)channel * groups + k / group] : 0.0f;
                    total[i][j][e] = __fmaf_rn((float)acc[i][j][e], scale, total[i][j][e]);
                    acc[i][j][e] = 0;
                }
    }
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const int row = row0 + warp_row + 16 * i + 8 * (e / 2) + quad, channel = channel0 + warp_channel + 8 * j + 2 * within + e % 2;
                if (row < rows && channel < out)
                    store_output(y, (i64)row * out + channel, __fmul_rn(total[i][j][e], sx[row]), bias, channel, accumulate);
            }
}

#define GEMM(name, bits)                                                                                                                        \
    extern "C" __global__ void __launch_bounds__(128) name(const signed char* x, const float* sx, int stride, const u8* w, int pitch, const float* sw, \
        int in, int group, const float* bias, float* y, int rows, int out, int accumulate) {                                                   \
        gemm<bits>(x, sx, stride, w, pitch, sw, in, group, bias, y, rows, out, accumulate);                                                     \
    }
GEMM(gemm_int4, 4)
GEMM(gemm_int8, 8)
