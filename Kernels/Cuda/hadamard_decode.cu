// hadamard_quantize for few rows: what hadamard_quantize_mma does in one block a row, over many blocks in two launches. Same bits: integers.
//
//   hadamard_lines   x [rows][m][columns] f32 -> z [rows][m][columns] int32: fixed point, then the sums over the m lines by the sign matrix (mma.sync, A = ±1).
//                    A block finds the row's largest magnitude for itself and takes 64 columns; where there are few such chunks, one tile of 16 lines of them.
//   hadamard_finish  z -> butterflies over the columns in shared memory, peak, codes and scale. One block a row.
//
// One block alone is slow at decode: its long unrolled code comes from memory first, and one SM reads 44 KB of floats. These are short loops, and what is
// heavy runs on all SMs. Only for inner = 1, columns a multiple of 64.
#include "fixed_point.cuh"
#include "ptx.cuh"

constexpr int kChunk = 64;

// The row's largest magnitude as bits. slots [32].
__device__ __forceinline__ u32 largest_of_row(const float* x, int width, u32* slots) {
    u32 largest = 0;
#pragma unroll 4
    for (int i = threadIdx.x; i < width / 4; i += blockDim.x) {
        const float4 v = ((const float4*)x)[i];
        const float a = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
        largest = max(largest, __float_as_uint(fmaxf(a, 0.0f)));
    }
    return block_largest(largest, slots);
}

// signs: A fragments [ceil(m/16)][ceil(m/32)][32 lanes] of 16 bytes; largest_of [rows] takes the magnitudes. Grid (chunks·splits, rows), splits 1 or ceil(m/16);
// 256 threads, a warp 8 columns of a tile; shared memory 2·64·(round_up(m, 32) + 16) bytes.
extern "C" __global__ void __launch_bounds__(256) hadamard_lines(const float* x, const uint4* signs, int* z, u32* largest_of, int m, int columns, int splits) {
    extern __shared__ __align__(16) u8 planes[];
    __shared__ u32 slots[32];
    const int width = m * columns, depth = round_up(m, 32), pitch = depth + 16, steps = depth / 32, tiles = (m + 15) / 16;
    const int chunk = blockIdx.x / splits, split = blockIdx.x % splits, warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    u8 *high = planes, *low = planes + kChunk * pitch;
    grid_wait();
    grid_release();
    const float* from = x + (i64)blockIdx.y * width;
    const u32 largest = largest_of_row(from, width, slots);
    if (blockIdx.x == 0 && threadIdx.x == 0) largest_of[blockIdx.y] = largest;
    const float factor = fixed_point_factor(__uint_as_float(largest));
#pragma unroll 2
    for (int i = threadIdx.x; i < kChunk * (depth / 4); i += blockDim.x) {
        const int column = i % kChunk, first = i / kChunk * 4;
        u32 upper = 0, lower = 0;
#pragma unroll
        for (int k = 0; k < 4; k++) {
            const int value = first + k < m ? to_fixed(from[(first + k) * columns + chunk * kChunk + column], factor) : 0;
            upper |= (u32)(value >> 8 & 255) << (8 * k);
            lower |= (u32)(value & 255) << (8 * k);
        }
        *(u32*)(high + column * pitch + first) = upper;
        *(u32*)(low + column * pitch + first) = lower;
    }
    __syncthreads();
    int* to = z + (i64)blockIdx.y * width + chunk * kChunk + 8 * warp + 2 * t;
    const u8* b = high + (8 * warp + g) * pitch + 4 * t;
    for (int tile = split; tile < tiles; tile += splits) {
        int sum[2][4] = {};
#pragma unroll 2
        for (int s = 0; s < steps; s++) {
            const uint4 packed = signs[(tile * steps + s) * 32 + lane];
            const u32 a[4] = {packed.x, packed.y, packed.z, packed.w};
            const u8 *upper = b + 32 * s, *lower = upper + kChunk * pitch;
            mma_s8(sum[0], a, *(const u32*)upper, *(const u32*)(upper + 16));
            mma_s8_u8(sum[1], a, *(const u32*)lower, *(const u32*)(lower + 16));
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int line = 16 * tile + g + 8 * half;
            if (line < m)
                *(int2*)(to + line * columns) = make_int2(256 * sum[0][2 * half] + sum[1][2 * half], 256 * sum[0][2 * half + 1] + sum[1][2 * half + 1]);
        }
    }
}

// z [rows][lines][columns]; codes [rows, stride] int8, the padding zeros; scales [rows]. Grid (rows), 1024 threads, 4·lines·columns bytes of shared memory.
extern "C" __global__ void __launch_bounds__(1024) hadamard_finish(const int* z, const u32* largest_of, signed char* codes, float* scales, int lines, int columns,
                                                                   int stride, int highest, float clip, float root) {
    extern __shared__ __align__(16) int row[];
    __shared__ u32 slots[32];
    const int width = lines * columns;
    grid_wait();
    grid_release();
    const int4* from = (const int4*)(z + (i64)blockIdx.x * width);
#pragma unroll 2
    for (int i = threadIdx.x; i < width / 4; i += blockDim.x) {   // strides 1 and 2 on the way
        int4 v = from[i];
        butterfly(v.x, v.y);
        butterfly(v.z, v.w);
        butterfly(v.x, v.z);
        butterfly(v.y, v.w);
        ((int4*)row)[i] = v;
    }
    u32 peak = 0;
    for (int step = 4; step < columns; step *= 4) {
        __syncthreads();
        const bool is_last = step * 4 >= columns, is_half = step * 2 == columns;
        for (int i = threadIdx.x; i < width / 4; i += blockDim.x) {
            // Four numbers of two strides; of one, where only one is left.
            const int quad = is_half ? 0 : i / step * 4 * step + i % step;
            if (is_half) {
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    const int pair = 2 * i + h, at = pair / step * 2 * step + pair % step;
                    int u = row[at], v = row[at + step];
                    butterfly(u, v);
                    row[at] = u;
                    row[at + step] = v;
                    peak = max(peak, (u32)max(abs(u), abs(v)));
                }
                continue;
            }
            int a = row[quad], b = row[quad + step], c = row[quad + 2 * step], d = row[quad + 3 * step];
            butterfly(a, b);
            butterfly(c, d);
            butterfly(a, c);
            butterfly(b, d);
            row[quad] = a;
            row[quad + step] = b;
            row[quad + 2 * step] = c;
            row[quad + 3 * step] = d;
            if (is_last) peak = max(peak, (u32)max(max(abs(a), abs(b)), max(abs(c), abs(d))));
        }
    }
    peak = block_largest(peak, slots);
    const Quantizer quantizer(__uint_as_float(largest_of[blockIdx.x]), (int)peak, clip, highest, root);
    if (threadIdx.x == 0) scales[blockIdx.x] = quantizer.scale;
    char4* to = (char4*)(codes + (i64)blockIdx.x * stride);
    for (int i = threadIdx.x; i < stride / 4; i += blockDim.x) {
        char4 code = make_char4(0, 0, 0, 0);
        if (i < width / 4) {
            const int4 v = ((const int4*)row)[i];
            code = make_char4(quantizer.code(v.x, highest), quantizer.code(v.y, highest), quantizer.code(v.z, highest), quantizer.code(v.w, highest));
        }
        to[i] = code;
    }
}
