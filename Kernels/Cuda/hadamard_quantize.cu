// hadamard_quantize: the transform x·(H_m ⊗ H_2^k) of a whole row in fixed point and quantize_per_token in one (Backend.HadamardQuantize).
// The sums are exact integers, so any order gives the same bits. One block a row; three kernels by shape, all with
//
//   x      f32 [rows, width], width = m·columns, columns = 2^k·inner; used up by `_any`
//   codes  s8 [rows, stride], stride a multiple of 64, padded with zeros; scales f32 [rows]; highest = 2^(bits-1) - 1; root = 1/√(m·2^k)
//
// `_mma`: m > 1, columns a power of two. A row is m lines of `columns`; columns form J chunks of 64.
//
//        chunk 0     chunk 1 ...        1. a warp loads 32 columns of 32/J lines, all J chunks: a lane holds 32 numbers. Max, fixed point.
//   m  +-----------+-----------+        2. butterflies across the chunks, in the lane. Byte planes to shared memory, transposed: 2 planes for
//      |           |           |           16 bits (J = 1), 3 for up to 21 bits; the lowest ones unsigned.
//      +-----------+-----------+        3. a warp takes 16 lines of a chunk's result: signs (A, ±1) times planes (B) on the tensor cores, from the
//                                           highest plane down, times 256 between planes.
//                                       4. butterflies over the chunk's 64 columns in the accumulators: column 16·t + 2·tile + e lies in lane t of
//                                          four, so 4 of the 6 steps stay in the lane, and a lane ends with 16 neighbouring codes: one store.
//
// Shared memory: planes [planes][ceil(m/32)][J][64 columns][32 lines], a column's 8 words xored with its tile and half so that neither the stores
// (32 columns of one word) nor the loads of B fragments (8 columns of 4 words) meet in a bank; for J = 1 known at compile time in 16 bytes, see line_group. Dynamic, 2048·planes·ceil(m/32)·J bytes.
// Limits: J <= 32, 32 warps; `_mma` m <= 32, `_mma_wide` m <= 192 and 28 warps. Threads: 32·max(ceil(m·J/32)·groups, J·ceil(m/16)),
// groups = 2 (1 where columns <= 32).
//
// `_2k`: m = 1, 2^10 to 2^15 elements; 32 numbers a thread, width/32 threads, 4·width bytes of dynamic shared memory where numbers must change hands.
// `_any`: everything else, in place in x; correct, not fast.
#include "arithmetic.cuh"
#include "fixed_point.cuh"
#include "ptx.cuh"

constexpr int kHeld = 32;    // numbers a lane holds
constexpr int kChunk = 64;   // columns whose butterflies stay in a warp's accumulators
constexpr int kTiles = 8;    // of 8 columns: a chunk
constexpr int kTileWords = kChunk * 8;

struct Slots {
    u32 of_row[2][32], of_peak[32];
};

// kChunks: the chunks of a shape that is known when this is compiled, and all that follows from them; 0 for any.
template <int kChunks>
struct Shape {
    int m, columns, chunks, lines, groups, k_tiles, m_tiles, planes;

    __device__ __forceinline__ Shape(int m, int any_columns) : m(m) {
        columns = kChunks > 0 ? kChunks * kChunk : any_columns;
        chunks = max(columns / kChunk, 1);
        lines = kHeld / chunks;
        groups = columns > 32 ? 2 : 1;
        k_tiles = (m + 31) / 32;
        m_tiles = (m + 15) / 16;
        planes = chunks == 1 ? 2 : 3;
    }
};

// Where 16 lines (half 0 or 1 of a tile of 32) of a column of 8·tiles lie in the planes of `_c1`, in units of 16 bytes: eight neighbouring columns, and
// the eight of a tile, lie in different banks.
__device__ __forceinline__ int line_group(int tile, int n, int half) { return (2 * tile + half) * 8 + (n ^ (2 * tile & 6)); }

// Step 1 and 2: this warp's numbers into the planes. Returns the row's largest magnitude.
template <int kChunks>
__device__ __forceinline__ float fill_planes(const float* from, const Shape<kChunks>& shape, int butterflies, u32* planes, u32 (&slots)[2][32]) {
    const int unit = threadIdx.x / 32, column = unit % shape.groups * 32 + threadIdx.x % 32, first = unit / shape.groups * shape.lines;
    const int line_bits = 31 - __clz(shape.lines), lines = kChunks > 0 || column < shape.columns ? shape.m - first : 0;
    from += first * shape.columns + column;
    float x[kHeld];
    if (lines >= shape.lines) {  // without conditions the addresses are one register and constants
#pragma unroll
        for (int s = 0; s < kHeld; s++) x[s] = __ldcs(from + (s & (shape.lines - 1)) * shape.columns + (s >> line_bits) * kChunk);
    } else {
#pragma unroll
        for (int s = 0; s < kHeld; s++) {
            const int line = s & (shape.lines - 1);
            x[s] = line < lines ? __ldcs(from + line * shape.columns + (s >> line_bits) * kChunk) : 0.0f;
        }
    }
    int t[kHeld];
    const float largest = row_to_fixed(x, t, slots);
    if (kChunks != 1)
#pragma unroll
        for (int s = 0; s < kHeld; s++) t[s] -= kShiftBits;
#pragma unroll
    for (int step = 1; step < kHeld; step *= 2)
        if (step >= shape.lines && butterflies / kChunk & step / shape.lines)
#pragma unroll
            for (int s = 0; s < kHeld; s++)
                if (!(s & step)) butterfly(t[s], t[s + step]);
    if (first >= shape.m) return largest;

    // The column's tile of 8 and place n in it, so that the accumulators come out as the header says.
    const int tile = column % 16 / 2, n = column / 16 * 2 + column % 2, swizzle = tile ^ (n / 4 * 4);
    if (kChunks == 1) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            u32 low[4], high[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int s = 16 * half + 4 * i;
                const u32 one = __byte_perm(t[s], t[s + 1], 0x5410), two = __byte_perm(t[s + 2], t[s + 3], 0x5410);
                low[i] = __byte_perm(one, two, 0x6420);
                high[i] = __byte_perm(one, two, 0x7531);
            }
            uint4* to = (uint4*)planes + first / 32 * (kTileWords / 4) + line_group(tile, n, half);
            to[0] = make_uint4(low[0], low[1], low[2], low[3]);
            to[shape.k_tiles * (kTileWords / 4)] = make_uint4(high[0], high[1], high[2], high[3]);
        }
        return largest;
    }
    u32* to = planes + (8 * tile + n) * 8;
#pragma unroll
    for (int plane = 0; plane < 3; plane++) {
        if (plane >= shape.planes) break;
#pragma unroll
        for (int s = 0; s < kHeld; s += 4) {
            const u32 select = plane | (4 + plane) << 4;
            const u32 word = __byte_perm(__byte_perm(t[s], t[s + 1], select), __byte_perm(t[s + 2], t[s + 3], select), 0x5410);
            // Fewer than 4 lines a lane: parts of a word, each of a chunk of its own.
#pragma unroll
            for (int part = 0; part < 4; part++) {
                if (part % min(shape.lines, 4)) continue;
                const int line = first + ((s + part) & (shape.lines - 1)), chunk = (s + part) >> line_bits;
                u32* at = to + ((plane * shape.k_tiles + line / 32) * shape.chunks + chunk) * kTileWords + ((line % 32 / 4) ^ swizzle);
                if (shape.lines >= 4) *at = word;
                else if (shape.lines == 2) ((u16*)at)[line % 4 / 2] = (u16)(word >> 8 * part);
                else ((u8*)at)[line % 4] = (u8)(word >> 8 * part);
            }
        }
    }
    return largest;
}

// Step 3 of one plane: z += signs·plane for the 64 columns of a chunk. planes: the plane's first tile of lines of this chunk.
template <int kMaxTiles, int kChunks, bool kIsSigned>
__device__ __forceinline__ void add_plane(int (&z)[kTiles][4], const uint4 (&a)[kMaxTiles], const u32* plane, const Shape<kChunks>& shape) {
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    // Lane 8·i + n gives ldmatrix the n-th column of matrix i: half i % 2 of tile i / 2 of a pair.
    const int groups[2] = {line_group(lane / 16, lane % 8, lane / 8 % 2), line_group(2 + lane / 16, lane % 8, lane / 8 % 2) - 32};
#pragma unroll
    for (int k = 0; k < kMaxTiles; k++) {
        if (k >= shape.k_tiles) break;
        const u32* b = plane + k * shape.chunks * kTileWords;
        const u32 fragment[4] = {a[k].x, a[k].y, a[k].z, a[k].w};
#pragma unroll
        for (int tile = 0; tile < kTiles; tile += 2) {
            u32 words[4];
            if (kChunks == 1) {
                load_matrices(words, (const uint4*)b + groups[tile / 2 % 2] + 16 * tile);
            } else {
#pragma unroll
                for (int i = 0; i < 4; i++) words[i] = b[64 * (tile + i / 2) + 8 * g + (t ^ (tile + i / 2) ^ (g / 4 * 4) ^ (i % 2 * 4))];
            }
#pragma unroll
            for (int i = 0; i < 2; i++) {
                if (kIsSigned) mma_s8(z[tile + i], fragment, words[2 * i], words[2 * i + 1]);
                else mma_s8_u8(z[tile + i], fragment, words[2 * i], words[2 * i + 1]);
            }
        }
    }
}

// Step 4: butterflies over the bits of the column within its chunk. z[tile][2·half + e], half: which of the lane's two lines.
__device__ __forceinline__ void chunk_butterflies(int (&z)[kTiles][4], int butterflies) {
    if (butterflies & 1)
#pragma unroll
        for (int tile = 0; tile < kTiles; tile++) {
            butterfly(z[tile][0], z[tile][1]);
            butterfly(z[tile][2], z[tile][3]);
        }
#pragma unroll
    for (int step = 1; step < kTiles; step *= 2)
        if (butterflies & 2 * step)
#pragma unroll
            for (int tile = 0; tile < kTiles; tile++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    if (!(tile & step)) butterfly(z[tile][i], z[tile + step][i]);
#pragma unroll
    for (int step = 1; step < 4; step *= 2)
        if (butterflies & 16 * step)
#pragma unroll
            for (int tile = 0; tile < kTiles; tile++)
#pragma unroll
                for (int i = 0; i < 4; i++) z[tile][i] = lane_butterfly(z[tile][i], step);
}

// signs: A fragments [m_tiles][k_tiles][32 lanes] of mma.m16n8k32, row `to`, column `from`, zeros beyond m.
// butterflies: bit b is set where the transform runs over bit b of the column.
template <int kMaxTiles, int kChunks>
__device__ __forceinline__ void quantize_mma(const float* x, const uint4* signs, signed char* codes, float* scales, int m, int any_columns, int any_butterflies,
    int stride, int highest, float clip, float root) {
    extern __shared__ __align__(16) u32 planes[];
    __shared__ Slots slots;
    const Shape<kChunks> shape(m, any_columns);
    const int columns = shape.columns, butterflies = kChunks > 0 ? kChunks * kChunk - 1 : any_butterflies;
    const int item = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const int chunk = item / shape.m_tiles, m_tile = item % shape.m_tiles;
    const bool works = chunk < shape.chunks;
    const float largest = fill_planes(x + (i64)blockIdx.x * m * columns, shape, butterflies, planes, slots.of_row);
    uint4 a[kMaxTiles];
#pragma unroll
    for (int k = 0; k < kMaxTiles; k++)
        if (works && k < shape.k_tiles) a[k] = __ldg(signs + (m_tile * shape.k_tiles + k) * 32 + lane);
    __syncthreads();

    int z[kTiles][4] = {};
    u32 peak = 0;
    if (works) {
#pragma unroll
        for (int down = 0; down < 3; down++) {
            const int plane = shape.planes - 1 - down;
            if (plane < 0) break;
            const u32* at = planes + (plane * shape.k_tiles * shape.chunks + chunk) * kTileWords;
            if (down == 0) add_plane<kMaxTiles, kChunks, true>(z, a, at, shape);
            else add_plane<kMaxTiles, kChunks, false>(z, a, at, shape);
            if (plane > 0)
#pragma unroll
                for (int tile = 0; tile < kTiles; tile++)
#pragma unroll
                    for (int i = 0; i < 4; i++) z[tile][i] = (int)((u32)z[tile][i] << 8);
        }
        chunk_butterflies(z, butterflies);
#pragma unroll
        for (int tile = 0; tile < kTiles; tile++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                if (16 * t + 2 * tile + i % 2 < columns) peak = max(peak, (u32)abs(z[tile][i]));
    }
    peak = block_largest(peak, slots.of_peak);
    const Quantizer quantizer(largest, (int)peak, clip, highest, root);
    if (threadIdx.x == 0) scales[blockIdx.x] = quantizer.scale;
    signed char* to = codes + (i64)blockIdx.x * stride;
    for (int i = m * columns + threadIdx.x; i < stride; i += blockDim.x) to[i] = 0;
    if (!works) return;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int line = 16 * m_tile + 8 * half + g;
        u32 words[4];
#pragma unroll
        for (int w = 0; w < 4; w++) {
            u32 bytes[4];
#pragma unroll
            for (int i = 0; i < 4; i++) bytes[i] = quantizer.code(z[2 * w + i / 2][2 * half + i % 2], highest);
            words[w] = __byte_perm(__byte_perm(bytes[0], bytes[1], 0x40), __byte_perm(bytes[2], bytes[3], 0x40), 0x5410);
        }
        if (line >= m || 16 * t >= columns) continue;
        signed char* at = to + line * columns + chunk * kChunk + 16 * t;
        if (columns >= 16) *(uint4*)at = make_uint4(words[0], words[1], words[2], words[3]);
        else
#pragma unroll
            for (int i = 0; i < 8; i++)
                if (i < columns) at[i] = (signed char)(words[i / 4] >> 8 * (i % 4));
    }
}

#define HADAMARD_QUANTIZE_MMA(name, k_tiles, chunks, threads)                                                                                    \
    extern "C" __global__ void __launch_bounds__(threads) name(const float* x, const uint4* signs, signed char* codes, float* scales, int m,     \
        int columns, int butterflies, int stride, int highest, float clip, float root) {                                                         \
        grid_release();                                                                                                                          \
        grid_wait();                                                                                                                             \
        quantize_mma<k_tiles, chunks>(x, signs, codes, scales, m, columns, butterflies, stride, highest, clip, root);                            \
    }
HADAMARD_QUANTIZE_MMA(hadamard_quantize_mma, 1, 0, 1024)
HADAMARD_QUANTIZE_MMA(hadamard_quantize_mma_wide, 6, 0, 896)
// Whole transforms of sizes that many models have: m <= 192 over 64 columns, m <= 32 over 512 or 1024.
HADAMARD_QUANTIZE_MMA(hadamard_quantize_mma_wide_c1, 6, 1, 384)
HADAMARD_QUANTIZE_MMA(hadamard_quantize_mma_c8, 1, 8, 512)
HADAMARD_QUANTIZE_MMA(hadamard_quantize_mma_c16, 1, 16, 1024)

// First a thread's numbers are width/32 apart (the five highest bits of the index), then, where a bit between those and the lane's five is
// transformed, they change hands and are 32 apart (bits 5 to 9).  bits = log2(width).
extern "C" __global__ void __launch_bounds__(1024) hadamard_quantize_2k(const float* x, signed char* codes, float* scales, int bits, int butterflies,
    int stride, int highest, float clip, float root) {
    extern __shared__ __align__(16) int row[];
    __shared__ Slots slots;
    grid_release();
    grid_wait();
    const int width = 1 << bits, high = bits - 5, apart = width / kHeld;
    const float* from = x + (i64)blockIdx.x * width + threadIdx.x;
    float held[kHeld];
#pragma unroll
    for (int s = 0; s < kHeld; s++) held[s] = __ldcs(from + s * apart);
    int z[kHeld];
    const float largest = row_to_fixed(held, z, slots.of_row);
#pragma unroll
    for (int s = 0; s < kHeld; s++) z[s] -= kShiftBits;
#pragma unroll
    for (int step = 1; step < kHeld; step *= 2)
        if (butterflies >> high & step)
#pragma unroll
            for (int s = 0; s < kHeld; s++)
                if (!(s & step)) butterfly(z[s], z[s + step]);
    const int left = butterflies & ((1 << high) - 1);
    int first = threadIdx.x, between = apart;
    if (left >> 5) {
#pragma unroll
        for (int s = 0; s < kHeld; s++) row[first + s * apart] = z[s];
        __syncthreads();
        first = threadIdx.x / 32 * 1024 + threadIdx.x % 32;
        between = 32;
#pragma unroll
        for (int s = 0; s < kHeld; s++) z[s] = row[first + s * 32];
#pragma unroll
        for (int step = 1; step < kHeld; step *= 2)
            if (left >> 5 & step)
#pragma unroll
                for (int s = 0; s < kHeld; s++)
                    if (!(s & step)) butterfly(z[s], z[s + step]);
    }
#pragma unroll
    for (int step = 1; step < 32; step *= 2)
        if (left & step)
#pragma unroll
            for (int s = 0; s < kHeld; s++) z[s] = lane_butterfly(z[s], step);
    u32 peak = 0;
#pragma unroll
    for (int s = 0; s < kHeld; s++) peak = max(peak, (u32)abs(z[s]));
    peak = block_largest(peak, slots.of_peak);
    const Quantizer quantizer(largest, (int)peak, clip, highest, root);
    if (threadIdx.x == 0) scales[blockIdx.x] = quantizer.scale;
    signed char* to = codes + (i64)blockIdx.x * stride + first;
#pragma unroll
    for (int s = 0; s < kHeld; s++) to[s * between] = (signed char)quantizer.code(z[s], highest);
}

constexpr int kMixColumns = 32;

// The signs' sum over the m lines, 32 columns at a time. signs [ceil(m/8)][m] bytes as for hadamard_mix; tile [m·32].
__device__ __forceinline__ void mix_lines(int* row, int* tile, const u8* signs, int m, int columns) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    for (int start = 0; start < columns; start += kMixColumns) {
        const int column = start + lane;
        for (int line = warp; line < m; line += warps) tile[line * kMixColumns + lane] = column < columns ? row[line * columns + column] : 0;
        __syncthreads();
        for (int to = warp; to < m; to += warps) {
            int sum = 0;
            for (int line = 0; line < m; line++) {
                const int value = tile[line * kMixColumns + lane];
                sum += signs[to / 8 * m + line] >> (to % 8) & 1 ? -value : value;
            }
            if (column < columns) row[to * columns + column] = sum;
        }
        __syncthreads();
    }
}

// Any shape: [m][doublings][inner], x itself holding the integers. 1024 threads, 128·m bytes of dynamic shared memory where m > 1.
extern "C" __global__ void __launch_bounds__(1024) hadamard_quantize_any(float* x, const u8* signs, signed char* codes, float* scales, int m, int doublings,
    int inner, int stride, int highest, float clip, float root) {
    extern __shared__ __align__(16) int tile[];
    __shared__ u32 slots[2][32];
    grid_release();
    grid_wait();
    const int columns = doublings * inner, width = m * columns;
    float* from = x + (i64)blockIdx.x * width;
    int* row = (int*)from;
    u32 largest = 0;
    for (int i = threadIdx.x; i < width; i += blockDim.x) largest = max(largest, __float_as_uint(fmaxf(fabsf(from[i]), 0.0f)));
    largest = block_largest(largest, slots[0]);
    const float factor = fixed_point_factor(__uint_as_float(largest));
    for (int i = threadIdx.x; i < width; i += blockDim.x) row[i] = to_fixed(__int_as_float(row[i]), factor);
    __syncthreads();
    for (int apart = inner; apart < columns; apart *= 2) {
        for (int e = threadIdx.x; e < width / 2; e += blockDim.x) {
            const int at = e / apart * 2 * apart + e % apart;
            butterfly(row[at], row[at + apart]);
        }
        __syncthreads();
    }
    if (m > 1) mix_lines(row, tile, signs, m, columns);
    u32 peak = 0;
    for (int i = threadIdx.x; i < width; i += blockDim.x) peak = max(peak, (u32)abs(row[i]));
    peak = block_largest(peak, slots[1]);
    const Quantizer quantizer(__uint_as_float(largest), (int)peak, clip, highest, root);
    if (threadIdx.x == 0) scales[blockIdx.x] = quantizer.scale;
    signed char* to = codes + (i64)blockIdx.x * stride;
    for (int i = threadIdx.x; i < stride; i += blockDim.x) to[i] = i < width ? (signed char)quantizer.code(row[i], highest) : 0;
}
