// hadamard_quantize for few rows: what hadamard_quantize_mma does in one block a row, over many blocks in two launches. Same bits: integers.
// For 64 columns:
//
//   hadamard_tiles   x [rows][m][64] f32 -> z [rows][m][64] int32, transformed; magnitudes [rows][kMagnitudes]. A block takes 16 lines.
//   hadamard_codes   z -> codes and scale.
//
// For more columns:
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
constexpr int kMostTiles = 12;               // of 16 lines
constexpr int kMagnitudes = 1 + kMostTiles;  // of a row: the largest before the transform, then after it the largest of each tile

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

// Four numbers of a column as fixed point, their high and low bytes.
__device__ __forceinline__ void store_fixed(const float (&x)[4], float factor, u8* high, u8* low) {
    u32 upper = 0, lower = 0;
#pragma unroll
    for (int k = 0; k < 4; k++) {
        const int value = to_fixed(x[k], factor);
        upper |= (u32)(value >> 8 & 255) << (8 * k);
        lower |= (u32)(value & 255) << (8 * k);
    }
    *(u32*)high = upper;
    *(u32*)low = lower;
}

// The sums of a tile of 16 lines in a warp's 8 columns: [line g or g + 8][column 2t or 2t + 1]. signs: what each step multiplies by; b: the warp's
// first column, at its lane's place.
template <int kSteps>
__device__ __forceinline__ void mix_tile(const uint4 (&signs)[kSteps], int steps, const u8* b, int pitch, int (&z)[2][2]) {
    int sum[2][4] = {};
#pragma unroll
    for (int s = 0; s < kSteps; s++) {
        if (s >= steps) break;
        const uint4 packed = signs[s];
        const u32 a[4] = {packed.x, packed.y, packed.z, packed.w};
        const u8 *upper = b + 32 * s, *lower = upper + kChunk * pitch;
        mma_s8(sum[0], a, *(const u32*)upper, *(const u32*)(upper + 16));
        mma_s8_u8(sum[1], a, *(const u32*)lower, *(const u32*)(lower + 16));
    }
#pragma unroll
    for (int i = 0; i < 4; i++) z[i / 2][i % 2] = 256 * sum[0][i] + sum[1][i];
}

__device__ __forceinline__ char4 codes_of(const Quantizer& quantizer, int4 z, int highest) {
    return make_char4(quantizer.code(z.x, highest), quantizer.code(z.y, highest), quantizer.code(z.z, highest), quantizer.code(z.w, highest));
}

// signs, shared memory as for hadamard_lines. Grid (ceil(m/16), rows), 256 threads.
extern "C" __global__ void __launch_bounds__(256) hadamard_tiles(const float* x, const uint4* signs, int* z, u32* magnitudes, int m) {
    extern __shared__ __align__(16) u8 planes[];
    __shared__ u32 slots[2][32];
    __shared__ __align__(16) int mixed[16][kChunk + 4];
    const int depth = round_up(m, 32), pitch = depth + 16, warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4, tile = blockIdx.x;
    grid_release();
    // Signs depend on nobody: 24 registers that are there when the row is.
    uint4 of_tile[kMostTiles / 2];
#pragma unroll
    for (int s = 0; s < kMostTiles / 2; s++) of_tile[s] = 32 * s < depth ? signs[(tile * (depth / 32) + s) * 32 + threadIdx.x % 32] : make_uint4(0, 0, 0, 0);
    grid_wait();
    const float* from = x + (i64)blockIdx.y * m * kChunk;
    // The row waits for its largest magnitude in registers: a thread has four lines of a column at a time.
    const int column = threadIdx.x % kChunk, first = threadIdx.x / kChunk * 4;
    float held[kMostTiles][4];
    u32 largest = 0;
#pragma unroll
    for (int j = 0; j < kMostTiles; j++)
#pragma unroll
        for (int k = 0; k < 4; k++) held[j][k] = first + 16 * j + k < m ? from[(first + 16 * j + k) * kChunk + column] : 0.0f;
#pragma unroll
    for (int j = 0; j < kMostTiles; j++)
#pragma unroll
        for (int k = 0; k < 4; k++) largest = max(largest, __float_as_uint(fmaxf(fabsf(held[j][k]), 0.0f)));
    largest = block_largest(largest, slots[0]);
    const float factor = fixed_point_factor(__uint_as_float(largest));
    u8* to = planes + column * pitch + first;
#pragma unroll
    for (int j = 0; j < kMostTiles; j++)
        if (16 * j < depth) store_fixed(held[j], factor, to + 16 * j, to + 16 * j + kChunk * pitch);
    __syncthreads();
    int sums[2][2];
    mix_tile<kMostTiles / 2>(of_tile, depth / 32, planes + (8 * warp + g) * pitch + 4 * t, pitch, sums);
#pragma unroll
    for (int half = 0; half < 2; half++) *(int2*)&mixed[g + 8 * half][8 * warp + 2 * t] = make_int2(sums[half][0], sums[half][1]);
    __syncthreads();
    // Butterflies over the 64 columns of a line: four in a thread, sixteen threads.
    const int line = threadIdx.x / 16, quad = threadIdx.x % 16;
    const int4 v = *(const int4*)&mixed[line][4 * quad];
    int a[4] = {v.x, v.y, v.z, v.w};
    butterfly(a[0], a[1]);
    butterfly(a[2], a[3]);
    butterfly(a[0], a[2]);
    butterfly(a[1], a[3]);
    u32 peak = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int step = 1; step < 16; step *= 2) a[i] = lane_butterfly(a[i], step);
        peak = max(peak, (u32)abs(a[i]));
    }
    if (16 * tile + line < m) ((int4*)(z + ((i64)blockIdx.y * m + 16 * tile + line) * kChunk))[quad] = make_int4(a[0], a[1], a[2], a[3]);
    peak = block_largest(peak, slots[1]);
    u32* of_row = magnitudes + blockIdx.y * kMagnitudes;
    if (threadIdx.x == 0) of_row[1 + tile] = peak;
    if (tile == 0 && threadIdx.x < kMagnitudes && (threadIdx.x == 0 || threadIdx.x > gridDim.x)) of_row[threadIdx.x] = threadIdx.x == 0 ? largest : 0;
}

// z [rows, width]; codes [rows, stride] int8, the padding zeros; scales [rows]. Grid (any, rows), 256 threads.
extern "C" __global__ void __launch_bounds__(256) hadamard_codes(const int* z, const u32* magnitudes, signed char* codes, float* scales, int width, int stride,
                                                                 int highest, float clip, float root) {
    grid_release();
    grid_wait();
    const u32 lane = threadIdx.x % 32;
    const u32* of_row = magnitudes + blockIdx.y * kMagnitudes;
    const u32 peak = __reduce_max_sync(kFullWarp, lane < kMostTiles ? of_row[1 + lane] : 0u);
    const Quantizer quantizer(__uint_as_float(of_row[0]), (int)peak, clip, highest, root);
    if (blockIdx.x == 0 && threadIdx.x == 0) scales[blockIdx.y] = quantizer.scale;
    const int4* from = (const int4*)(z + (i64)blockIdx.y * width);
    char4* to = (char4*)(codes + (i64)blockIdx.y * stride);
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < stride / 4; i += gridDim.x * blockDim.x)
        to[i] = i < width / 4 ? codes_of(quantizer, from[i], highest) : make_char4(0, 0, 0, 0);
}

// signs: A fragments [ceil(m/16)][ceil(m/32)][32 lanes] of 16 bytes; largest_of [rows] takes the magnitudes. Grid (chunks·splits, rows), splits 1 or ceil(m/16);
// 256 threads, a warp 8 columns of a tile; shared memory 2·64·(round_up(m, 32) + 16) bytes.
extern "C" __global__ void __launch_bounds__(256) hadamard_lines(const float* x, const uint4* signs, int* z, u32* largest_of, int m, int columns, int splits) {
    extern __shared__ __align__(16) u8 planes[];
    __shared__ u32 slots[32];
    const int width = m * columns, depth = round_up(m, 32), pitch = depth + 16, steps = depth / 32, tiles = (m + 15) / 16;
    const int chunk = blockIdx.x / splits, split = blockIdx.x % splits, warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    u8 *high = planes, *low = planes + kChunk * pitch;
    grid_release();
    grid_wait();
    const float* from = x + (i64)blockIdx.y * width;
    const u32 largest = largest_of_row(from, width, slots);
    if (blockIdx.x == 0 && threadIdx.x == 0) largest_of[blockIdx.y] = largest;
    const float factor = fixed_point_factor(__uint_as_float(largest));
#pragma unroll 2
    for (int i = threadIdx.x; i < kChunk * (depth / 4); i += blockDim.x) {
        const int column = i % kChunk, first = i / kChunk * 4;
        float held[4];
#pragma unroll
        for (int k = 0; k < 4; k++) held[k] = first + k < m ? from[(first + k) * columns + chunk * kChunk + column] : 0.0f;
        store_fixed(held, factor, high + column * pitch + first, low + column * pitch + first);
    }
    __syncthreads();
    int* to = z + (i64)blockIdx.y * width + chunk * kChunk + 8 * warp + 2 * t;
    const u8* b = high + (8 * warp + g) * pitch + 4 * t;
    for (int tile = split; tile < tiles; tile += splits) {
        uint4 of_tile[kMostTiles / 2];
#pragma unroll
        for (int s = 0; s < kMostTiles / 2; s++) of_tile[s] = s < steps ? signs[(tile * steps + s) * 32 + lane] : make_uint4(0, 0, 0, 0);
        int sums[2][2];
        mix_tile<kMostTiles / 2>(of_tile, steps, b, pitch, sums);
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int line = 16 * tile + g + 8 * half;
            if (line < m) *(int2*)(to + line * columns) = make_int2(sums[half][0], sums[half][1]);
        }
    }
}

// z [rows][lines][columns]; codes [rows, stride] int8, the padding zeros; scales [rows]. Grid (rows), 1024 threads, 4·lines·columns bytes of shared memory.
extern "C" __global__ void __launch_bounds__(1024) hadamard_finish(const int* z, const u32* largest_of, signed char* codes, float* scales, int lines, int columns,
                                                                   int stride, int highest, float clip, float root) {
    extern __shared__ __align__(16) int row[];
    __shared__ u32 slots[32];
    const int width = lines * columns;
    grid_release();
    grid_wait();
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
        if (i < width / 4) code = codes_of(quantizer, ((const int4*)row)[i], highest);
        to[i] = code;
    }
}
