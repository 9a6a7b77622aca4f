// hadamard_quantize: the online Hadamard transform of a whole row and quantize_per_token in one, in fixed point (Backend.HadamardQuantize):
//
//   x [rows][m][columns] float -> t = 16-bit fixed point -> z = Σ ±t, exact int32 -> codes [rows, stride] int8, scale [rows]
//
// columns = 2^k·inner; the transform runs over m (by a sign matrix) and over 2^k (butterflies from stride `inner` on). Integer sums are exact, so their order
// is free: the m lines first. One block a row. Two kernels:
//
//   hadamard_quantize      any shape: the row as int32 in shared memory (twice where m > 1); each thread adds ±t over the m lines, then butterflies with a barrier a stride
//   hadamard_quantize_mma  m > 1, columns a multiple of 64, inner 1 or a multiple of 64: the m lines on the INT8 tensor cores
//
//        64 columns            t = 256·hi + lo, hi signed and lo unsigned bytes in two planes [column][from], 16 bytes of padding a column against bank conflicts.
//      ┌───────────┐           A = signs [to][from], padded with zeros to 16 x 32 tiles, in the order of the A fragment. A warp owns 16 lines x 64 columns:
//  16  │ warp item │           z = (A·hi)·256 + A·lo in one set of accumulators. With inner = 1 the butterflies over the 64 columns stay in its registers:
//  to  └───────────┘           bit 0 is an accumulator's neighbour, bits 1 and 2 are shuffles, bits 3 to 5 the n-tiles. Larger strides go through shared memory.
#include "ptx.cuh"

struct FixedPoint {
    float factor, unit;  // t = rint(x·factor); a unit of z is worth unit·(1/√size)
};

// From the row's largest magnitude, at least kSmallestScale: 2^(14-k) and 2^(k-14).
__device__ __forceinline__ FixedPoint fixed_point(float largest) {
    const int exponent = (__float_as_int(largest) >> 23) - 127;
    return {power_of_two(min(14 - exponent, 127)), power_of_two(max(exponent - 14, -126))};
}

__device__ __forceinline__ int to_fixed_point(float x, float factor) {
    return (int)fminf(fmaxf(rintf(__fmul_rn(x, factor)), -32767.0f), 32767.0f);
}

// The largest of a block; every thread gets it. `scratch`: 32 elements of shared memory.
template <typename T>
__device__ __forceinline__ T largest_of_block(T value, T* scratch) {
    for (int step = 16; step > 0; step /= 2) value = max(value, __shfl_xor_sync(kFullWarp, value, step));
    __syncthreads();
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
    __syncthreads();
    for (int i = 0; i < blockDim.x / 32; i++) value = max(value, scratch[i]);
    return value;
}

__device__ __forceinline__ float largest_magnitude(const float* x, int width, float* scratch) {
    float largest = 0.0f;
    for (int i = threadIdx.x; i < width / 4; i += blockDim.x) {
        const float4 v = ((const float4*)x)[i];
        largest = fmaxf(largest, fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w))));
    }
    return largest_of_block(largest, scratch);
}

// Codes and scale of a transformed row; z in shared memory, 16-byte aligned, width a multiple of 4. Null: a zero row.
__device__ __forceinline__ void store_row(const int* z, int largest, float unit, float hadamard_scale, signed char* codes, float* scale, int width, int stride,
                                          int highest, float clip) {
    const float step = __fdiv_rn(__fmul_rn(clip, (float)largest), (float)highest);
    float value = __fmul_rn(step, __fmul_rn(hadamard_scale, unit));
    const bool is_zero = z == nullptr || value < kSmallestScale;
    const float inverse = __fdiv_rn(1.0f, step);
    if (threadIdx.x == 0) *scale = is_zero ? 1.0f : value;
    for (int i = threadIdx.x; i < stride / 4; i += blockDim.x) {
        char4 code = make_char4(0, 0, 0, 0);
        if (!is_zero && i < width / 4) {
            const int4 v = ((const int4*)z)[i];
            code = make_char4(code_of_value((float)v.x, inverse, highest), code_of_value((float)v.y, inverse, highest),
                              code_of_value((float)v.z, inverse, highest), code_of_value((float)v.w, inverse, highest));
        }
        ((char4*)codes)[i] = code;
    }
}

// signs [ceil(m/8)][m] bytes as in hadamard.cu. Grid (rows); any multiple of 32 threads; (m > 1 ? 2 : 1)·width ints of shared memory; width and stride
// multiples of 4.
extern "C" __global__ void hadamard_quantize(const float* x, signed char* codes, float* scales, int m, int doublings, int inner, const u8* signs,
                                             float hadamard_scale, int stride, int highest, float clip) {
    extern __shared__ __align__(16) int line[];
    __shared__ float float_scratch[32];
    __shared__ int int_scratch[32];
    grid_wait();
    grid_release();
    const int columns = doublings * inner, width = m * columns;
    const float* from = x + (i64)blockIdx.x * width;
    signed char* to = codes + (i64)blockIdx.x * stride;
    const float largest = largest_magnitude(from, width, float_scratch);
    if (largest < kSmallestScale) {
        store_row(nullptr, 0, 0.0f, 0.0f, to, scales + blockIdx.x, width, stride, highest, clip);
        return;
    }
    const FixedPoint fixed = fixed_point(largest);
    int* z = line;
    for (int i = threadIdx.x; i < width; i += blockDim.x) z[i] = to_fixed_point(from[i], fixed.factor);
    __syncthreads();
    if (m > 1) {
        int* mixed = line + width;
        for (int i = threadIdx.x; i < width; i += blockDim.x) {
            const int target = i / columns, column = i % columns;
            const u8* sign = signs + target / 8 * m;
            int sum = 0;
            for (int k = 0; k < m; k++) {
                const int value = z[k * columns + column], negate = -(sign[k] >> target % 8 & 1);
                sum += (value ^ negate) - negate;
            }
            mixed[i] = sum;
        }
        z = mixed;
        __syncthreads();
    }
    for (int step = inner; step < columns; step *= 2) {
        for (int i = threadIdx.x; i < width / 2; i += blockDim.x) {
            const int at = i / step * 2 * step + i % step;
            const int u = z[at], v = z[at + step];
            z[at] = u + v;
            z[at + step] = u - v;
        }
        __syncthreads();
    }
    int peak = 0;
    for (int i = threadIdx.x; i < width; i += blockDim.x) peak = max(peak, abs(z[i]));
    peak = largest_of_block(peak, int_scratch);
    store_row(z, peak, fixed.unit, hadamard_scale, to, scales + blockIdx.x, width, stride, highest, clip);
}

constexpr int kBlockColumns = 64;
constexpr int kMostBlocks = 16;  // of 64 columns

// Butterflies over the 64 columns of a warp's 16 x 64 accumulators: column 8j + 2t + c is acc[j][c] (and [2 + c] for line g + 8) of lane 4g + t.
__device__ __forceinline__ void butterflies_64(int (&acc)[8][4]) {
    const int t = threadIdx.x % 4;
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
        for (int half = 0; half < 4; half += 2) {
            const int u = acc[j][half], v = acc[j][half + 1];
            acc[j][half] = u + v;
            acc[j][half + 1] = u - v;
        }
#pragma unroll
    for (int step = 1; step < 4; step *= 2)
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int other = __shfl_xor_sync(kFullWarp, acc[j][i], step);
                acc[j][i] = t & step ? other - acc[j][i] : acc[j][i] + other;
            }
#pragma unroll
    for (int step = 1; step < 8; step *= 2)
#pragma unroll
        for (int j = 0; j < 8; j++)
            if ((j & step) == 0) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const int u = acc[j][i], v = acc[j + step][i];
                    acc[j][i] = u + v;
                    acc[j + step][i] = u - v;
                }
            }
}

// signs: A fragments [ceil(m/16)][ceil(m/32)][32 lanes] of 16 bytes. Grid (rows); 256 to 512 threads; shared memory: two planes of columns·(round_up(m, 32) + 16)
// bytes, then m·columns ints. columns at most 1024.
extern "C" __global__ void __launch_bounds__(512) hadamard_quantize_mma(const float* x, signed char* codes, float* scales, int m, int doublings, int inner,
                                                                       const uint4* signs, float hadamard_scale, int stride, int highest, float clip) {
    extern __shared__ __align__(16) int line[];
    __shared__ float float_scratch[32];
    __shared__ int int_scratch[32];
    const int columns = doublings * inner, width = m * columns, depth = round_up(m, 32), pitch = depth + 16;
    u8 *high = (u8*)line, *low = high + columns * pitch;
    int* z = (int*)(low + columns * pitch);
    grid_wait();
    grid_release();
    const float* from = x + (i64)blockIdx.x * width;
    signed char* to = codes + (i64)blockIdx.x * stride;
    const float largest = largest_magnitude(from, width, float_scratch);
    if (largest < kSmallestScale) {
        store_row(nullptr, 0, 0.0f, 0.0f, to, scales + blockIdx.x, width, stride, highest, clip);
        return;
    }
    const FixedPoint fixed = fixed_point(largest);
    for (int i = threadIdx.x; i < columns * (depth / 4); i += blockDim.x) {
        const int column = i % columns, first = i / columns * 4;
        u32 upper = 0, lower = 0;
#pragma unroll
        for (int k = 0; k < 4; k++) {
            const int t = first + k < m ? to_fixed_point(from[(first + k) * columns + column], fixed.factor) : 0;
            upper |= (u32)(t >> 8 & 255) << (8 * k);
            lower |= (u32)(t & 255) << (8 * k);
        }
        *(u32*)(high + column * pitch + first) = upper;
        *(u32*)(low + column * pitch + first) = lower;
    }
    __syncthreads();

    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const int line_tiles = (m + 15) / 16, blocks = columns / kBlockColumns, steps = depth / 32;
    for (int item = warp; item < line_tiles * blocks; item += blockDim.x / 32) {
        const int tile = item % line_tiles, first_column = item / line_tiles * kBlockColumns;
        const uint4* a_tile = signs + (i64)tile * steps * 32 + lane;
        int acc[8][4] = {};
        for (int plane = 0; plane < 2; plane++) {
            const u8* b = (plane ? low : high) + (first_column + g) * pitch + 4 * t;
            for (int s = 0; s < steps; s++) {
                const uint4 packed = a_tile[s * 32];
                const u32 a[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
                for (int j = 0; j < 8; j++) {
                    const u8* at = b + 8 * j * pitch + 32 * s;
                    const u32 b0 = *(const u32*)at, b1 = *(const u32*)(at + 16);
                    if (plane) mma_s8_u8(acc[j], a, b0, b1);
                    else mma_s8(acc[j], a, b0, b1);
                }
            }
            if (plane == 0) {
#pragma unroll
                for (int j = 0; j < 8; j++)
#pragma unroll
                    for (int i = 0; i < 4; i++) acc[j][i] *= 256;
            }
        }
        if (inner == 1) butterflies_64(acc);
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const int target = 16 * tile + g + 8 * half;
                if (target < m) *(int2*)(z + target * columns + first_column + 8 * j + 2 * t) = make_int2(acc[j][2 * half], acc[j][2 * half + 1]);
            }
    }
    __syncthreads();

    // What is left of the butterflies pairs whole blocks of 64 columns; a thread holds one column of all blocks of a line.
    int peak = 0;
    const int first_step = inner == 1 ? 1 : inner / kBlockColumns;
    for (int i = threadIdx.x; i < m * kBlockColumns; i += blockDim.x) {
        int* at = z + i / kBlockColumns * columns + i % kBlockColumns;
        int v[kMostBlocks];
#pragma unroll
        for (int k = 0; k < kMostBlocks; k++)
            if (k < blocks) v[k] = at[k * kBlockColumns];
#pragma unroll
        for (int step = 1; step < kMostBlocks; step *= 2) {
            if (step < first_step || step >= blocks) continue;
#pragma unroll
            for (int k = 0; k < kMostBlocks; k++)
                if ((k & step) == 0 && k < blocks) {
                    const int a = v[k], b = v[k + step];
                    v[k] = a + b;
                    v[k + step] = a - b;
                }
        }
#pragma unroll
        for (int k = 0; k < kMostBlocks; k++)
            if (k < blocks) {
                peak = max(peak, abs(v[k]));
                if (blocks > 1) at[k * kBlockColumns] = v[k];
            }
    }
    peak = largest_of_block(peak, int_scratch);
    store_row(z, peak, fixed.unit, hadamard_scale, to, scales + blockIdx.x, width, stride, highest, clip);
}
