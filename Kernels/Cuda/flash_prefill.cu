// flash_prefill: attention of up to 64 rows of one sequence to its cached positions, their own included, on the INT8 tensor cores; bit for bit
// what flash_decode and merge_states give (Backend.Attention, K and V of 3 to 8 bits).
//
//   q      s8 [rows, heads, dim] codes, q_scale float [rows, heads] (the contract's a), q_sum int [rows, heads] (S): rope_append
//   cache  pages (kv_cache.cuh); tiles int [gridDim.y, 2]: first row of the batch and number of rows (1 to 64, one sequence), longest first
//   o      float [rows, heads, dim]
//
// A block takes one head of one tile of rows, its 4 warps 16 rows each, and walks the 64-position tiles of the context in ascending order:
//
//   copy     the next page's codes, scales and minima to shared memory, in the background
//   unpack   nibbles to bytes in the order in which lanes read them as operand B: 16 bytes a lane, no bank conflicts. V is transposed on the
//            way: four positions' words become four elements' words by 8 PRMTs.
//   scores   m16n8k32, A = q, B = K.   Lane 4·g + t holds rows g and g + 8, positions 8n + 2t and 8n + 2t + 1: two of the contract's eight lanes.
//   softmax  in registers; the codes of the weights are operand A as they stand, because V's positions are ordered to match
//   values   m16n8k32, B = V; each result is made the tile's state and merged into the span's at once
//
// The span's state is in registers (64 floats a lane at dim 128); after 8 tiles it is merged into the row's total in shared memory.
// A tile that no row of a warp sees is skipped by it. Bound by the float arithmetic of the softmax, about 30 instructions a score.
// Grid (heads, tiles), 128 threads, dynamic shared memory: memory_bytes below (57.5 KB at dim 128 and 4 bits: 3 blocks an SM).
#include "kv_cache.cuh"
#include "ptx.cuh"
#include "softmax.cuh"

constexpr int kWarps = 4, kWarpRows = 16, kThreads = 32 * kWarps;

struct PrefillArguments {
    const signed char* q;
    const float* q_scale;
    const int* q_sum;
    u8* cache;
    i64 page_bytes;
    Plane key, value;
    Batch batch;
    const int* tiles;
    int kv_heads;
    float* o;
};

template <int kDim, bool kByteKeys, bool kByteValues>
struct PrefillMemory {
    static constexpr int kKeyBytes = kByteKeys ? kDim : kDim / 2, kValueBytes = kByteValues ? kDim : kDim / 2;  // of a position
    uint4 keys[8][kDim / 64][32];        // [positions / 8][64 elements][lane]
    uint4 values[kDim / 8][32];          // [element % (dim/8)][lane]
    u8 raw_keys[kPageSize * kKeyBytes];  // as in the page
    u8 raw_values[kPageSize * kValueBytes];  // 16-byte parts of a row permuted by its position, against bank conflicts
    u16 raw_scales[4][kPageSize];
    float2 key_steps[kPageSize], value_steps[kPageSize];  // scale, minimum
    float4 total[kWarps][kDim / 8][32];                   // of the spans before this one

    static __device__ __forceinline__ int swizzle(int position) { return position / 2 % (kValueBytes / 16); }
};

// Starts the copy of one K/V head of a page.
template <int kDim, bool kByteKeys, bool kByteValues>
__device__ __forceinline__ void copy_page(PrefillMemory<kDim, kByteKeys, kByteValues>& memory, const PrefillArguments& x, int page, int kv_head) {
    using Memory = PrefillMemory<kDim, kByteKeys, kByteValues>;
    u8 *keys = plane_of(x.cache, x.page_bytes, page, x.key), *values = plane_of(x.cache, x.page_bytes, page, x.value);
    const u8* key_codes = keys + kv_head * kPageSize * Memory::kKeyBytes;
    const u8* value_codes = values + kv_head * kPageSize * Memory::kValueBytes;
    // Loops over constants with the thread inside: the compiler does not know that a thread's number is below kThreads.
#pragma unroll
    for (int first = 0; first < kPageSize * Memory::kKeyBytes / 16; first += kThreads) {
        const int i = first + threadIdx.x;
        copy_16(memory.raw_keys + 16 * i, key_codes + 16 * i);
    }
    constexpr int kParts = Memory::kValueBytes / 16;  // of a position
#pragma unroll
    for (int first = 0; first < kPageSize * kParts; first += kThreads) {
        const int i = first + threadIdx.x;
        copy_16(memory.raw_values + 16 * (i ^ Memory::swizzle(i / kParts)), value_codes + 16 * i);
    }
    if (threadIdx.x < 32) {
        const int which = threadIdx.x / 8, part = threadIdx.x % 8;
        const u16* scales = scale_of(which < 2 ? keys : values, which < 2 ? Memory::kKeyBytes : Memory::kValueBytes, x.kv_heads, kv_head, 0);
        copy_16(memory.raw_scales[which] + 8 * part, scales + which % 2 * x.kv_heads * kPageSize + 8 * part);
    }
}

// 4, 8, 16 or 32 bytes, aligned to their number or to 16.
template <int kCount>
__device__ __forceinline__ void load_words(const u8* from, u32 (&to)[kCount]) {
    if constexpr (kCount == 1) {
        to[0] = *(const u32*)from;
    } else if constexpr (kCount == 2) {
        const uint2 x = *(const uint2*)from;
        to[0] = x.x, to[1] = x.y;
    } else {
#pragma unroll
        for (int i = 0; i < kCount; i += 4) {
            const uint4 x = ((const uint4*)from)[i / 4];
            to[i] = x.x, to[i + 1] = x.y, to[i + 2] = x.z, to[i + 3] = x.w;
        }
    }
}

// Raw codes to operands. K: lane 4·g + t of positions 8n + g has elements t·dim/4 + 8·step .. + 7 at step, parted into even and odd ones at
// 4 bits. V: lane 4·g + t has element g·dim/8 + n of positions 16·w + {2t, 2t + 1, 2t + 8, 2t + 9} in word w.
template <int kDim, bool kByteKeys, bool kByteValues>
__device__ __forceinline__ void unpack_page(PrefillMemory<kDim, kByteKeys, kByteValues>& memory) {
    using Memory = PrefillMemory<kDim, kByteKeys, kByteValues>;
    const int thread = threadIdx.x;
    // All loads first: a load cannot pass a store, and waits for memory each time.
    constexpr int kRuns = 256 / kThreads, kKeyWords = Memory::kKeyBytes / 16;
    u32 k[kRuns][kKeyWords];
#pragma unroll
    for (int run = 0; run < kRuns; run++) load_words(memory.raw_keys + (run * kThreads + thread) * (Memory::kKeyBytes / 4), k[run]);
    constexpr int kWords = Memory::kValueBytes / 32;
    const int t = thread % 4, w = thread / 4 % 4, g = thread / 16;
    u32 v[4][kWords];
#pragma unroll
    for (int r = 0; r < 4; r++) {
        const int position = 16 * w + 2 * t + r % 2 + r / 2 * 8, byte = g * kWords * 4;
        load_words(memory.raw_values + position * Memory::kValueBytes + ((byte / 16) ^ Memory::swizzle(position)) * 16 + byte % 16, v[r]);
    }
    const int j = thread % kPageSize, which = thread / kPageSize;
    const float2 step = make_float2(half_to_float(memory.raw_scales[2 * which][j]), half_to_float(memory.raw_scales[2 * which + 1][j]));

#pragma unroll
    for (int run = 0; run < kRuns; run++) {
        const int i = run * kThreads + thread;
#pragma unroll
        for (int part = 0; part < kDim / 64; part++) {
            const u32* x = k[run] + part * (kByteKeys ? 4 : 2);
            memory.keys[i / 32][part][i % 32] = kByteKeys ? make_uint4(x[0], x[1], x[2 % kKeyWords], x[3 % kKeyWords])
                                                          : make_uint4(low_nibbles(x[0]), high_nibbles(x[0]), low_nibbles(x[1]), high_nibbles(x[1]));
        }
    }
    u32* to = (u32*)memory.values + (4 * g + t) * 4 + w;
#pragma unroll
    for (int word = 0; word < kWords; word++) {
        const u32 four[4] = {v[0][word], v[1][word], v[2][word], v[3][word]};
        u32 y[4];
        transpose_bytes(four, y);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (kByteValues) {
                to[(4 * word + i) * 128] = y[i];
            } else {
                to[(8 * word + 2 * i) * 128] = low_nibbles(y[i]);
                to[(8 * word + 2 * i + 1) * 128] = high_nibbles(y[i]);
            }
        }
    }
    (which ? memory.value_steps : memory.key_steps)[j] = step;
}

// All lanes of a quad get the largest (or the sum, in the order of the contract).
__device__ __forceinline__ float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, 1));
    return fmaxf(x, __shfl_xor_sync(kFullWarp, x, 2));
}

__device__ __forceinline__ float quad_sum(float x) {
    x = __fadd_rn(x, __shfl_xor_sync(kFullWarp, x, 1));
    return __fadd_rn(x, __shfl_xor_sync(kFullWarp, x, 2));
}

// A warp's 16 rows; in each array [2] the lane's rows g and g + 8.
template <int kDim, bool kByteKeys, bool kByteValues>
struct PrefillWarp {
    using Memory = PrefillMemory<kDim, kByteKeys, kByteValues>;
    static constexpr int kSteps = kDim / 32, kOutputs = kDim / 8, kChains = 4;
    u32 q[kSteps][4];
    float a[2], s[2];
    int position[2];
    float m[2], l[2], o[kOutputs][4];  // of the span; o[n]: elements t·dim/4 + n and + dim/8 of row g, then of row g + 8
    float total_m[2], total_l[2];      // of the spans before; their o is in shared memory

    __device__ __forceinline__ void load(const PrefillArguments& x, int first_row, int rows) {
        const int lane = threadIdx.x % 32, t = lane % 4;
#pragma unroll
        for (int r = 0; r < 2; r++) {
            const int row = first_row + min(threadIdx.x / 32 * kWarpRows + lane / 4 + 8 * r, rows - 1);
            const i64 head = (i64)row * gridDim.x + blockIdx.x;
            position[r] = x.batch.position(row);
            a[r] = x.q_scale[head];
            s[r] = (float)x.q_sum[head];
            const uint2* codes = (const uint2*)(x.q + head * kDim + t * (kDim / 4));
#pragma unroll
            for (int step = 0; step < kSteps; step++) {
                const uint2 eight = codes[step];
                q[step][r] = kByteKeys ? eight.x : even_bytes(eight);
                q[step][2 + r] = kByteKeys ? eight.y : odd_bytes(eight);
            }
        }
    }

    // p, then w in place of the scores x; sums of p, of c, and the largest w of this lane. count: positions seen.
    template <bool kGeneral>
    __device__ __forceinline__ void weights(float (&x)[8][4], const float (&max)[2], const Memory& memory, const int (&count)[2], float (&sum_p)[2],
        float (&sum_c)[2], float (&largest)[2]) const {
        const int t = threadIdx.x % 4;
        float p[4] = {}, c[4] = {};
        largest[0] = largest[1] = 0.0f;
#pragma unroll
        for (int n = 0; n < 8; n++) {
            const float4 steps = ((const float4*)memory.value_steps)[4 * n + t];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const float difference = __fsub_rn(x[n][i], max[i / 2]);
                const float weight = kGeneral ? exp_of_negative(difference) : exp_of_moderate(difference);
                float addend = __fmul_rn(weight, i % 2 ? steps.w : steps.y);
                x[n][i] = __fmul_rn(weight, i % 2 ? steps.z : steps.x);
                if (kGeneral) {
                    const bool is_seen = 8 * n + 2 * t + i % 2 < count[i / 2];
                    p[i] = __fadd_rn(p[i], is_seen ? weight : 0.0f);
                    addend = is_seen ? addend : 0.0f;
                    x[n][i] = is_seen ? x[n][i] : 0.0f;
                } else {
                    p[i] = __fadd_rn(p[i], weight);
                }
                c[i] = __fadd_rn(c[i], addend);
                largest[i / 2] = fmaxf(largest[i / 2], x[n][i]);
            }
        }
#pragma unroll
        for (int r = 0; r < 2; r++) {
            sum_p[r] = quad_sum(__fadd_rn(p[2 * r], p[2 * r + 1]));
            sum_c[r] = quad_sum(__fadd_rn(c[2 * r], c[2 * r + 1]));
            largest[r] = quad_max(largest[r]);
        }
    }

    // O of the tile, made its state and merged. kGeneral: the first tile of a span, or one that not every row sees.
    template <bool kGeneral>
    __device__ __forceinline__ void add_values(const Memory& memory, const u32 (&weight)[2][4], const float (&step)[2], const float (&sum)[2],
        const Merge (&merge)[2], bool is_first, const bool (&is_active)[2]) {
#pragma unroll
        for (int first = 0; first < kOutputs; first += kChains) {
            int total[kChains][4];
            uint4 v[kChains];
#pragma unroll
            for (int n = 0; n < kChains; n++) v[n] = memory.values[first + n][threadIdx.x % 32];
#pragma unroll
            for (int n = 0; n < kChains; n++) mma_u8_u8(total[n], weight[0], v[n].x, v[n].y, kShiftBits);
#pragma unroll
            for (int n = 0; n < kChains; n++) mma_u8_u8(total[n], weight[1], v[n].z, v[n].w);
#pragma unroll
            for (int i = 0; i < 4 * kChains; i++) {
                const int r = i % 4 / 2;
                float& out = o[first + i / 4][i % 4];
                const float of_tile = __fmaf_rn(step[r], exact_sum(total[i / 4][i % 4]), sum[r]);
                const float both = merged(out, of_tile, merge[r].keep, merge[r].take);
                if (kGeneral) out = !is_active[r] ? out : is_first ? of_tile : both;
                else out = both;
            }
        }
    }

    __device__ __forceinline__ void add_tile(Memory& memory, int tile) {
        const int t = threadIdx.x % 4;
        const int count[2] = {position[0] + 1 - tile * kPageSize, position[1] + 1 - tile * kPageSize};
        const bool sees_all = __all_sync(kFullWarp, count[0] >= kPageSize && count[1] >= kPageSize), is_first = tile % kSpanTiles == 0;
        const bool is_active[2] = {count[0] > 0, count[1] > 0};
        if (is_first && tile > 0) flush(memory, tile == kSpanTiles, is_active);

        int products[8][4];
#pragma unroll
        for (int part = 0; part < kDim / 64; part++)
#pragma unroll
            for (int first = 0; first < 8; first += 4) {  // four independent chains of products
                uint4 k[4];
#pragma unroll
                for (int n = 0; n < 4; n++) k[n] = memory.keys[first + n][part][threadIdx.x % 32];
#pragma unroll
                for (int n = 0; n < 4; n++) {
                    if (part == 0) mma_s8_u8(products[first + n], q[0], k[n].x, k[n].y, kShiftBits);
                    else mma_s8_u8(products[first + n], q[2 * part], k[n].x, k[n].y);
                }
#pragma unroll
                for (int n = 0; n < 4; n++) mma_s8_u8(products[first + n], q[2 * part + 1], k[n].z, k[n].w);
            }

        float x[8][4], max[2] = {kLowest, kLowest}, min[2] = {-kLowest, -kLowest};
#pragma unroll
        for (int n = 0; n < 8; n++) {
            const float4 steps = ((const float4*)memory.key_steps)[4 * n + t];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int r = i / 2;
                const float offset = __fmul_rn(i % 2 ? steps.w : steps.y, s[r]);
                x[n][i] = __fmul_rn(a[r], __fmaf_rn(i % 2 ? steps.z : steps.x, exact_sum(products[n][i]), offset));
            }
        }
        if (!sees_all)
#pragma unroll
            for (int n = 0; n < 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) x[n][i] = 8 * n + 2 * t + i % 2 < count[i / 2] ? x[n][i] : kLowest;
#pragma unroll
        for (int n = 0; n < 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                max[i / 2] = fmaxf(max[i / 2], x[n][i]);
                min[i / 2] = fminf(min[i / 2], x[n][i]);
            }
        max[0] = quad_max(max[0]);
        max[1] = quad_max(max[1]);

        float sum_p[2], sum_c[2], largest[2], step[2], inverse[2];
        const float lowest = fminf(__fsub_rn(min[0], max[0]), __fsub_rn(min[1], max[1]));
        if (sees_all && __all_sync(kFullWarp, lowest >= -kNormalExp)) weights<false>(x, max, memory, count, sum_p, sum_c, largest);
        else weights<true>(x, max, memory, count, sum_p, sum_c, largest);
        Merge merge[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
            step[r] = weight_step(largest[r]);
            inverse[r] = __frcp_rn(step[r]);
            merge[r] = merge_of(m[r], max[r]);
            const float both = merged(l[r], sum_p[r], merge[r].keep, merge[r].take);
            if (is_active[r]) {
                l[r] = is_first ? sum_p[r] : both;
                m[r] = is_first ? max[r] : merge[r].m;
            }
        }

        u32 weight[2][4];
#pragma unroll
        for (int i = 0; i < 8; i++) {  // row i % 2, positions 16·(i/2) ..
            const int n = i / 2 * 2, r = i % 2;
            const u32 first = __byte_perm(weight_code(x[n][2 * r], inverse[r]), weight_code(x[n][2 * r + 1], inverse[r]), 0x0040);
            const u32 second = __byte_perm(weight_code(x[n + 1][2 * r], inverse[r]), weight_code(x[n + 1][2 * r + 1], inverse[r]), 0x0040);
            weight[i / 4][i % 4] = __byte_perm(first, second, 0x5410);
        }
        if (sees_all && !is_first) add_values<false>(memory, weight, step, sum_c, merge, is_first, is_active);
        else add_values<true>(memory, weight, step, sum_c, merge, is_first, is_active);
    }

    // Merges the span's state into the total, for rows that go on.
    __device__ __forceinline__ void flush(Memory& memory, bool is_first, const bool (&is_active)[2]) {
        float4(*of_warp)[32] = memory.total[threadIdx.x / 32];
        Merge merge[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
            merge[r] = merge_of(total_m[r], m[r]);
            if (!is_active[r]) continue;
            total_l[r] = is_first ? l[r] : merged(total_l[r], l[r], merge[r].keep, merge[r].take);
            total_m[r] = is_first ? m[r] : merge[r].m;
        }
#pragma unroll
        for (int n = 0; n < kOutputs; n++) {
            float4& total = of_warp[n][threadIdx.x % 32];
            float4 x = is_first ? make_float4(0.0f, 0.0f, 0.0f, 0.0f) : total;
            if (is_active[0]) {
                x.x = is_first ? o[n][0] : merged(x.x, o[n][0], merge[0].keep, merge[0].take);
                x.y = is_first ? o[n][1] : merged(x.y, o[n][1], merge[0].keep, merge[0].take);
            }
            if (is_active[1]) {
                x.z = is_first ? o[n][2] : merged(x.z, o[n][2], merge[1].keep, merge[1].take);
                x.w = is_first ? o[n][3] : merged(x.w, o[n][3], merge[1].keep, merge[1].take);
            }
            total = x;
        }
    }

    // The last span into the total, and o/l of the rows that exist.
    __device__ __forceinline__ void finish(Memory& memory, const PrefillArguments& x, int first_row, int rows) {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
        for (int r = 0; r < 2; r++) {
            const int row = warp * kWarpRows + lane / 4 + 8 * r;
            const bool has_total = position[r] >= kSpanTiles * kPageSize;
            const Merge merge = merge_of(total_m[r], m[r]);
            const float sum = has_total ? merged(total_l[r], l[r], merge.keep, merge.take) : l[r];
            float out[2][kOutputs];
#pragma unroll
            for (int n = 0; n < kOutputs; n++) {
                const float2 total = ((const float2*)&memory.total[warp][n][lane])[r];
                const float first = has_total ? merged(total.x, o[n][2 * r], merge.keep, merge.take) : o[n][2 * r];
                const float second = has_total ? merged(total.y, o[n][2 * r + 1], merge.keep, merge.take) : o[n][2 * r + 1];
                out[0][n] = __fdiv_rn(first, sum);
                out[1][n] = __fdiv_rn(second, sum);
            }
            if (row >= rows) continue;
            float4* to = (float4*)(x.o + ((i64)(first_row + row) * gridDim.x + blockIdx.x) * kDim + lane % 4 * (kDim / 4));
#pragma unroll
            for (int i = 0; i < 2 * kOutputs / 4; i++) {
                const float* from = out[i / (kOutputs / 4)] + i % (kOutputs / 4) * 4;
                to[i] = make_float4(from[0], from[1], from[2], from[3]);
            }
        }
    }
};

template <int kDim, bool kByteKeys, bool kByteValues>
__device__ __forceinline__ void prefill(const PrefillArguments& x) {
    using Warp = PrefillWarp<kDim, kByteKeys, kByteValues>;
    extern __shared__ __align__(16) u8 dynamic_memory[];
    typename Warp::Memory& memory = *(typename Warp::Memory*)dynamic_memory;
    const int first_row = x.tiles[2 * blockIdx.y], rows = x.tiles[2 * blockIdx.y + 1];
    const int kv_head = blockIdx.x / (gridDim.x / x.kv_heads), first_of_warp = threadIdx.x / 32 * kWarpRows;
    const int tiles = x.batch.position(first_row + rows - 1) / kPageSize + 1;
    const int tiles_of_warp = first_of_warp >= rows ? 0 : x.batch.position(first_row + min(first_of_warp + kWarpRows, rows) - 1) / kPageSize + 1;
    grid_wait();
    grid_release();
    copy_page(memory, x, x.batch.page(first_row, 0), kv_head);
    int next_page = tiles > 1 ? x.batch.page(first_row, 1) : 0;
    Warp warp;
    warp.load(x, first_row, rows);
    for (int tile = 0; tile < tiles; tile++) {
        copies_wait();
        __syncthreads();
        unpack_page(memory);
        __syncthreads();
        if (tile + 1 < tiles) copy_page(memory, x, next_page, kv_head);
        if (tile + 2 < tiles) next_page = x.batch.page(first_row, tile + 2);
        if (tile < tiles_of_warp) warp.add_tile(memory, tile);
    }
    if (tiles_of_warp > 0) warp.finish(memory, x, first_row, rows);
}

#define PREFILL(name, dim, byte_keys, byte_values, blocks)                                                                                     \
    extern "C" __global__ void __launch_bounds__(kThreads, blocks) name(const signed char* q, const float* q_scale, const int* q_sum, u8* cache, \
        i64 page_bytes, Plane key, Plane value, Batch batch, const int* tiles, int kv_heads, float* o) {                                        \
        prefill<dim, byte_keys, byte_values>({q, q_scale, q_sum, cache, page_bytes, key, value, batch, tiles, kv_heads, o});                     \
    }
// flash_prefill_<dim>_<4 or 8 bits a stored code of K><of V>
PREFILL(flash_prefill_64_44, 64, false, false, 4)
PREFILL(flash_prefill_64_48, 64, false, true, 4)
PREFILL(flash_prefill_64_84, 64, true, false, 4)
PREFILL(flash_prefill_64_88, 64, true, true, 4)
PREFILL(flash_prefill_128_44, 128, false, false, 3)
PREFILL(flash_prefill_128_48, 128, false, true, 3)
PREFILL(flash_prefill_128_84, 128, true, false, 3)
PREFILL(flash_prefill_128_88, 128, true, true, 3)
