// flash_decode and merge_states: attention of single rows to their cached positions, split over spans of 8 tiles (Backend.Attention, K and V
// of 3 to 8 bits).
//
//   q        s8 [rows, heads, dim] codes, q_scale float [rows, heads] (the contract's a), q_sum int [rows, heads] (S): rope_append
//   cache    pages (kv_cache.cuh); rows int [gridDim.y]: rows of the batch, or null for 0, 1, 2, ...
//   o        float [rows, heads, dim];   span_o float [gridDim.y, heads, stride, dim], span_ml float [gridDim.y, heads, stride, 2]: states of spans
//   arrived  int [gridDim.y, gridDim.x], zero before and after: how many blocks of these heads have written their spans
//
// A block of 8 warps takes a span of one row for `kHeads` query heads of a K/V head, a warp a tile. All of a tile (8.5 KB at 4 bits) is
// loaded before anything is used; the kernel is bound by those loads. With one or two heads a block that has more spans loads a warp's next tile
// meanwhile, each code where one has just been used. Then, per warp, with lane = 4·g + t:
//
//   scores   m16n8k32, A = K: rows are positions, B = q: columns are heads. A lane's 16 bytes of a position are the words of A as they lie in
//            the page (low nibbles and high nibbles), so q's codes are parted instead. Lane (g, t) gets positions g, g + 8, g + 16, ... of
//            the heads of columns 2t and 2t + 1: lane g of the contract's eight-lane sums, in their order.
//   sharing  Fewer than 8 heads leave columns free: they repeat the heads, and the kShare lanes of a quad that hold the same pair of heads
//            split the 64 positions among them. The eight-lane sums then meet in shared memory.
//   values   A = V transposed: rows are elements, B = the weights' codes. Four positions' words become four elements' words by 8 PRMTs.
//
// The 8 tile states are merged in ascending order, a warp a head, and written to span_o and span_ml; the block that comes last merges the spans,
// again in ascending order. A row of one span is finished at once.
// Grid (kv_heads · ceil(heads/kv_heads/kHeads), rows, spans at a time), 256 threads: spans z, z + gridDim.z, ...
// settled: nonzero where no two rows are of one sequence. Tiles before a row's last are then older than the launch before this one and are
// loaded before waiting for it; the batch and the list of rows must always be older.
#include "kv_cache.cuh"
#include "ptx.cuh"
#include "softmax.cuh"

constexpr int kSpanWarps = kSpanTiles;
constexpr int kSumStride = 72;  // floats of one head's 64 addends: rows of different heads lie in different banks

struct DecodeArguments {
    const signed char* q;
    const float* q_scale;
    const int* q_sum;
    u8* cache;
    i64 page_bytes;
    Plane key, value;
    Batch batch;
    const int* rows;
    int heads, kv_heads;
    float *o, *span_o, *span_ml;
    int* arrived;
    int stride, settled;
};

template <int kDim, int kHeads>
struct alignas(16) WarpMemory {
    float state[kHeads * (kHeads < 8 && kDim < 2 * kSumStride ? 2 * kSumStride : kDim)];  // addends of the sums, then o of the tile [kHeads][dim]
    u16 scales[4][kPageSize];                                                             // of K, minima of K, the same of V
    u8 codes[kHeads][kPageSize];                                                          // weights; bytes in the order of value_rows
    float ml[kHeads][2];
};

// kWords words of 4 bytes, in the widest loads.
template <int kWords>
__device__ __forceinline__ void load_words(const u8* from, u32* to) {
    if constexpr (kWords == 1) {
        to[0] = load_once((const u32*)from);
    } else if constexpr (kWords == 2) {
        const uint2 v = load_once((const uint2*)from);
        to[0] = v.x, to[1] = v.y;
    } else {
#pragma unroll
        for (int i = 0; i < kWords / 4; i++) {
            const uint4 v = load_once((const uint4*)from + i);
            to[4 * i] = v.x, to[4 * i + 1] = v.y, to[4 * i + 2] = v.z, to[4 * i + 3] = v.w;
        }
    }
}

// Where the codes of one tile of one K/V head lie, and this lane's part of their scales.
struct TileAddress {
    const u8 *keys, *values;
    const uint4* scales;
};

// One tile of one K/V head in registers, lane (g, t).
template <int kDim, bool kByteKeys, bool kByteValues>
struct Tile {
    static constexpr int kSteps = kDim / 32;                            // of 32 elements
    static constexpr int kKeyWords = kByteKeys ? 2 * kSteps : kSteps;   // of a position
    static constexpr int kKeyLoad = kKeyWords < 4 ? kKeyWords : 4;      // words a load
    static constexpr int kValueWords = kByteValues ? kDim / 32 : kDim / 64;
    u32 key[8][kKeyWords];             // positions 8i + g
    u32 value[2][2][4][kValueWords];   // positions 32s + 16h + 4r + t
    uint4 scales;

    __device__ __forceinline__ void load_keys(const u8* codes, int g, int t) {
#pragma unroll
        for (int i = 0; i < 8; i++)
#pragma unroll
            for (int c = 0; c < kKeyWords / kKeyLoad; c++)
                load_words<kKeyLoad>(codes + (8 * i + g) * (kKeyWords * 16) + (4 * c + t) * (kKeyLoad * 4), key[i] + c * kKeyLoad);
    }

    __device__ __forceinline__ void load_values(const u8* codes, int g, int t) {
#pragma unroll
        for (int i = 0; i < 16; i++)
            load_words<kValueWords>(codes + (4 * i + t) * (kValueWords * 32) + g * (kValueWords * 4), value[i / 8][i / 4 % 2][i % 4]);
    }

    // First element that meets word `step` of a lane's codes; 8 elements in a row.
    static __device__ __forceinline__ int first_element(int step, int t) {
        return kByteKeys ? step / 2 * 64 + t * 16 + step % 2 * 8 : t * (kDim / 4) + step * 8;
    }

    // I + kShiftBits of positions 16m + g (0, 1) and + 8 (2, 3), for the heads of columns 2t and 2t + 1.
    __device__ __forceinline__ void products(const u32 (&q)[kSteps][2], int (&sum)[4][4]) const {
#pragma unroll
        for (int m = 0; m < 4; m++) {
#pragma unroll
            for (int step = 0; step < kSteps; step++) {
                const u32 *x = key[2 * m], *y = key[2 * m + 1];
                const u32 a[4] = {kByteKeys ? x[2 * step] : low_nibbles(x[step]), kByteKeys ? y[2 * step] : low_nibbles(y[step]),
                    kByteKeys ? x[2 * step + 1] : high_nibbles(x[step]), kByteKeys ? y[2 * step + 1] : high_nibbles(y[step])};
                if (step == 0) mma_u8_s8(sum[m], a, q[0][0], q[0][1], kShiftBits);
                else mma_u8_s8(sum[m], a, q[step][0], q[step][1]);
            }
        }
    }
};

// Sums in shared memory: addends[2·head] the p of a head, [2·head + 1] its c, 64 each. Returns the eight-lane sums of p and c for this lane's
// heads 2·pair and 2·pair + 1.
template <int kHeads>
__device__ __forceinline__ void shared_sums(const float* addends, int lane, int pair, float (&p)[2], float (&c)[2]) {
    constexpr int kRounds = kHeads < 2 ? 1 : kHeads / 2;
    float sum[kRounds];
#pragma unroll
    for (int round = 0; round < kRounds; round++) {
        sum[round] = 0.0f;
        const float* from = addends + (4 * round + lane / 8 % (kHeads == 1 ? 2 : 4)) * kSumStride + lane % 8;
#pragma unroll
        for (int i = 0; i < 8; i++) sum[round] = __fadd_rn(sum[round], from[8 * i]);
#pragma unroll
        for (int step = 1; step < 8; step *= 2) sum[round] = __fadd_rn(sum[round], __shfl_xor_sync(kFullWarp, sum[round], step));
    }
#pragma unroll
    for (int e = 0; e < 2; e++) {
        p[e] = __shfl_sync(kFullWarp, sum[0], 16 * e);
        c[e] = __shfl_sync(kFullWarp, sum[0], 16 * e + 8);
#pragma unroll
        for (int round = 1; round < kRounds; round++) {
            const float other_p = __shfl_sync(kFullWarp, sum[round], 16 * e), other_c = __shfl_sync(kFullWarp, sum[round], 16 * e + 8);
            p[e] = pair == round ? other_p : p[e];
            c[e] = pair == round ? other_c : c[e];
        }
    }
}

template <int kDim, bool kByteKeys, bool kByteValues, int kHeads>
struct DecodeWarp {
    static constexpr int kShare = kHeads <= 2 ? 4 : 8 / kHeads;  // lanes of a quad with the same heads
    static constexpr int kOwn = kHeads == 1 ? 1 : 2;             // heads of a lane
    static constexpr int kRowTiles = 4 / kShare;                 // of 16 positions, of a lane
    using Codes = Tile<kDim, kByteKeys, kByteValues>;
    using Memory = WarpMemory<kDim, kHeads>;

    // Whether registers suffice to load the warp's next tile while this one is computed, each code as soon as its place is free.
    static constexpr bool kLoadsAhead = kHeads <= 2 && !kByteKeys && !kByteValues;

    static __device__ __forceinline__ void load(Codes& tile, const TileAddress& from) {
        const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
        tile.scales = load_once(from.scales);
        tile.load_keys(from.keys, g, t);
        if (!kByteKeys && !kByteValues) tile.load_values(from.values, g, t);
    }

    // The state of one tile, of which `count` positions are seen, into memory. q: fragments; a, s: of this lane's heads. next: the tile that is
    // to be loaded ahead, if `has_next`.
    static __device__ __forceinline__ void run(Codes& tile, const u8* values, const u32 (&q)[Codes::kSteps][2], const float (&a)[2], const float (&s)[2],
        int count, const TileAddress& next, bool has_next, Memory& memory) {
        const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, pair = t / kShare;
        ((uint4*)memory.scales)[lane] = tile.scales;
        __syncwarp();

        int products[4][4];
        tile.products(q, products);
        if (kByteKeys || kByteValues) tile.load_values(values, g, t);
        if (has_next) {
            tile.scales = load_once(next.scales);
            tile.load_keys(next.keys, g, t);
        }
        float w[kOwn][kRowTiles][2], c[kOwn][kRowTiles][2], p[kOwn][kRowTiles][2];
        float m[2] = {kLowest, kLowest}, largest[2] = {}, step[2], sum_p[2], sum_c[2];
#pragma unroll
        for (int i = 0; i < kRowTiles; i++)
#pragma unroll
            for (int r = 0; r < 2; r++) {
                const int row_tile = i * kShare + t % kShare, j = 16 * row_tile + 8 * r + g;
                const float scale = half_to_float(memory.scales[0][j]), min = half_to_float(memory.scales[1][j]);
#pragma unroll
                for (int e = 0; e < kOwn; e++) {
                    int product = products[i * kShare][2 * r + e];
#pragma unroll
                    for (int other = 1; other < kShare; other++) product = t % kShare == other ? products[i * kShare + other][2 * r + e] : product;
                    const float score = __fmul_rn(a[e], __fmaf_rn(scale, exact_sum(product), __fmul_rn(min, s[e])));
                    p[e][i][r] = j < count ? score : kLowest;
                    m[e] = fmaxf(m[e], p[e][i][r]);
                }
            }
#pragma unroll
        for (int e = 0; e < kOwn; e++) m[e] = largest_of_head(m[e]);

#pragma unroll
        for (int i = 0; i < kRowTiles; i++)
#pragma unroll
            for (int r = 0; r < 2; r++) {
                const int j = 16 * (i * kShare + t % kShare) + 8 * r + g;
                const float scale = half_to_float(memory.scales[2][j]), min = half_to_float(memory.scales[3][j]);
#pragma unroll
                for (int e = 0; e < kOwn; e++) {
                    const float x = exp_of_negative(__fsub_rn(p[e][i][r], m[e]));
                    p[e][i][r] = j < count ? x : 0.0f;
                    w[e][i][r] = j < count ? __fmul_rn(x, scale) : 0.0f;
                    c[e][i][r] = j < count ? __fmul_rn(x, min) : 0.0f;
                    largest[e] = fmaxf(largest[e], w[e][i][r]);
                    if (kShare > 1) {
                        memory.state[(2 * (2 * pair + e)) * kSumStride + j] = p[e][i][r];
                        memory.state[(2 * (2 * pair + e) + 1) * kSumStride + j] = c[e][i][r];
                    }
                }
            }
#pragma unroll
        for (int e = 0; e < kOwn; e++) {
            step[e] = weight_step(largest_of_head(largest[e]));
            const float inverse = __fdiv_rn(1.0f, step[e]);
#pragma unroll
            for (int i = 0; i < kRowTiles; i++)
#pragma unroll
                for (int r = 0; r < 2; r++)
                    memory.codes[2 * pair + e][16 * (i * kShare + t % kShare) + 4 * (g % 4) + g / 4 + 2 * r] = (u8)weight_code(w[e][i][r], inverse);
        }
        __syncwarp();
        if (kShare > 1) {
            shared_sums<kHeads>(memory.state, lane, pair, sum_p, sum_c);
            __syncwarp();
        } else {
#pragma unroll
            for (int e = 0; e < kOwn; e++) {
                sum_p[e] = sum_c[e] = 0.0f;
#pragma unroll
                for (int i = 0; i < kRowTiles; i++)
#pragma unroll
                    for (int r = 0; r < 2; r++) {
                        sum_p[e] = __fadd_rn(sum_p[e], p[e][i][r]);
                        sum_c[e] = __fadd_rn(sum_c[e], c[e][i][r]);
                    }
#pragma unroll
                for (int lanes = 4; lanes < 32; lanes *= 2) {
                    sum_p[e] = __fadd_rn(sum_p[e], __shfl_xor_sync(kFullWarp, sum_p[e], lanes));
                    sum_c[e] = __fadd_rn(sum_c[e], __shfl_xor_sync(kFullWarp, sum_c[e], lanes));
                }
            }
        }
        if (g == 0 && t % kShare == 0)
#pragma unroll
            for (int e = 0; e < kOwn; e++) {
                memory.ml[2 * pair + e][0] = m[e];
                memory.ml[2 * pair + e][1] = sum_p[e];
            }
        outputs(tile, step, sum_c, memory);
        if (has_next) tile.load_values(next.values, g, t);
    }

    // Over the lanes that hold this lane's head.
    static __device__ __forceinline__ float largest_of_head(float x) {
        if constexpr (kShare == 4) {
            x = warp_max(x);
        } else {
#pragma unroll
            for (int lanes = 1; lanes < 32; lanes *= 2)
                if (lanes < kShare || lanes >= 4) x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, lanes));
        }
        return x;
    }

    // o of the tile: element 16-th by 16-th, two elements of lane g at a time.
    static __device__ __forceinline__ void outputs(const Codes& tile, const float (&step)[2], const float (&sum)[2], Memory& memory) {
        const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, pair = t / kShare;
        const u32* codes = (const u32*)memory.codes[column_head(g)];
        u32 b[2][2];
#pragma unroll
        for (int i = 0; i < 4; i++) b[i / 2][i % 2] = codes[4 * i + t];
#pragma unroll
        for (int word = 0; word < Codes::kValueWords; word++) {
            u32 y[2][2][4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const u32 x[4] = {tile.value[i / 2][i % 2][0][word], tile.value[i / 2][i % 2][1][word], tile.value[i / 2][i % 2][2][word],
                    tile.value[i / 2][i % 2][3][word]};
                transpose_bytes(x, y[i / 2][i % 2]);
            }
            constexpr int kPairs = kByteValues ? 2 : 4;  // of elements in a word
            float out[kOwn][2 * kPairs];
#pragma unroll
            for (int i = 0; i < kPairs; i++) {
                int total[4];
#pragma unroll
                for (int k = 0; k < 2; k++) {
                    const u32 a[4] = {kByteValues ? y[k][0][2 * i % 4] : low_nibbles(y[k][0][i]), kByteValues ? y[k][0][(2 * i + 1) % 4] : high_nibbles(y[k][0][i]),
                        kByteValues ? y[k][1][2 * i % 4] : low_nibbles(y[k][1][i]), kByteValues ? y[k][1][(2 * i + 1) % 4] : high_nibbles(y[k][1][i])};
                    if (k == 0) mma_u8_u8(total, a, b[0][0], b[0][1], kShiftBits);
                    else mma_u8_u8(total, a, b[1][0], b[1][1]);
                }
#pragma unroll
                for (int e = 0; e < kOwn; e++) {
                    out[e][2 * i] = __fmaf_rn(step[e], exact_sum(total[e]), sum[e]);
                    out[e][2 * i + 1] = __fmaf_rn(step[e], exact_sum(total[2 + e]), sum[e]);
                }
            }
            if (t % kShare == 0)
#pragma unroll
                for (int e = 0; e < kOwn; e++)
#pragma unroll
                    for (int i = 0; i < 2 * kPairs; i += 4)
                        *(float4*)(memory.state + (2 * pair + e) * kDim + g * (kDim / 8) + word * 2 * kPairs + i) =
                            make_float4(out[e][i], out[e][i + 1], out[e][i + 2], out[e][i + 3]);
        }
    }

    // Which of the block's heads column `column` of B holds.
    static __device__ __forceinline__ int column_head(int column) { return kHeads == 1 ? 0 : column / 2 / kShare * 2 + column % 2; }
};

template <int kOwn>
__device__ __forceinline__ void store_elements(float* to, const float (&x)[kOwn]) {
    if constexpr (kOwn == 4) *(float4*)to = make_float4(x[0], x[1], x[2], x[3]);
    else *(float2*)to = make_float2(x[0], x[1]);
}

template <int kOwn>
__device__ __forceinline__ void load_elements(const float* from, float (&x)[kOwn]) {
    if constexpr (kOwn == 4) {
        const float4 v = *(const float4*)from;
        x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
    } else {
        const float2 v = *(const float2*)from;
        x[0] = v.x, x[1] = v.y;
    }
}

// In each group of kLanes lanes: the largest x up to this lane (and `start`), and the largest before it.
template <int kLanes>
__device__ __forceinline__ float prefix_maxima(float x, float start, float& before) {
    const int lane = threadIdx.x % 32, first = lane / kLanes * kLanes;
#pragma unroll
    for (int step = 1; step < kLanes; step *= 2) {
        const float other = __shfl_sync(kFullWarp, x, lane - step);
        if (lane - step >= first) x = fmaxf(x, other);
    }
    x = fmaxf(x, start);
    before = __shfl_sync(kFullWarp, x, lane - 1);
    if (lane == first) before = start;
    return x;
}

// Merges the states of a span's `count` tiles for the head of this warp, and writes the span's state, or the row's result.
template <int kDim, int kHeads>
__device__ __forceinline__ void merge_tiles(const WarpMemory<kDim, kHeads>* tiles, int count, int head, bool is_whole, float* result, float* ml) {
    constexpr int kOwn = kDim / 32;
    const int lane = threadIdx.x % 32, mine = min(lane % kSpanTiles, count - 1);
    const float m = tiles[mine].ml[head][0], l = tiles[mine].ml[head][1];
    float before;
    const float larger = prefix_maxima<kSpanTiles>(m, kLowest, before);
    const float keep = exp_of_negative(__fsub_rn(before, larger)), take = exp_of_negative(__fsub_rn(m, larger));
    float out[kOwn], sum = __shfl_sync(kFullWarp, l, 0);
    const auto element = [&](int tile, int i) { return tiles[tile].state[head * kDim + lane * kOwn + i]; };
#pragma unroll
    for (int i = 0; i < kOwn; i++) out[i] = element(0, i);
#pragma unroll
    for (int tile = 1; tile < kSpanTiles; tile++) {
        const float next = __shfl_sync(kFullWarp, l, tile), a = __shfl_sync(kFullWarp, keep, tile), b = __shfl_sync(kFullWarp, take, tile);
        if (tile < count) {
            sum = merged(sum, next, a, b);
#pragma unroll
            for (int i = 0; i < kOwn; i++) out[i] = merged(out[i], element(tile, i), a, b);
        }
    }
    const float largest = __shfl_sync(kFullWarp, larger, kSpanTiles - 1);
    if (is_whole) {
#pragma unroll
        for (int i = 0; i < kOwn; i++) out[i] = __fdiv_rn(out[i], sum);
    } else if (lane == 0) {
        *(float2*)ml = make_float2(largest, sum);
    }
    store_elements<kOwn>(result + lane * kOwn, out);
}

// merge_states: the spans' states of a head in ascending order, then o/l.  One warp; states [spans, dim] and ml [spans, 2] of other blocks.
template <int kDim>
__device__ __forceinline__ void merge_spans(const float* states, const float* ml, int spans, float* o) {
    constexpr int kOwn = kDim / 32;
    const int lane = threadIdx.x % 32;
    float m = kLowest, sum = 0.0f, out[kOwn] = {};
    for (int start = 0; start < spans; start += 32) {
        const float2 state = ((const float2*)ml)[min(start + lane, spans - 1)];
        float before;
        const float larger = prefix_maxima<32>(state.x, m, before);
        const float keep = exp_of_negative(__fsub_rn(before, larger)), take = exp_of_negative(__fsub_rn(state.x, larger));
        const int count = min(32, spans - start);
#pragma unroll 4
        for (int i = 0; i < count; i++) {
            float next[kOwn];
            load_elements<kOwn>(states + (i64)(start + i) * kDim + lane * kOwn, next);
            const float l = __shfl_sync(kFullWarp, state.y, i), a = __shfl_sync(kFullWarp, keep, i), b = __shfl_sync(kFullWarp, take, i);
            const bool is_first = start + i == 0;
            sum = is_first ? l : merged(sum, l, a, b);
#pragma unroll
            for (int e = 0; e < kOwn; e++) out[e] = is_first ? next[e] : merged(out[e], next[e], a, b);
        }
        m = __shfl_sync(kFullWarp, larger, 31);
    }
#pragma unroll
    for (int e = 0; e < kOwn; e++) out[e] = __fdiv_rn(out[e], sum);
    store_elements<kOwn>(o + lane * kOwn, out);
}

template <int kDim, bool kByteKeys, bool kByteValues, int kHeads>
__device__ __forceinline__ void decode(const DecodeArguments& x) {
    using Warp = DecodeWarp<kDim, kByteKeys, kByteValues, kHeads>;
    using Codes = typename Warp::Codes;
    __shared__ WarpMemory<kDim, kHeads> memory[kSpanWarps];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const int group = x.heads / x.kv_heads, parts = (group + kHeads - 1) / kHeads;
    const int kv_head = blockIdx.x / parts, first = blockIdx.x % parts * kHeads, count = min(kHeads, group - first);
    const int row = x.rows ? x.rows[blockIdx.y] : blockIdx.y, position = x.batch.position(row);
    const int tiles = position / kPageSize + 1, spans = (tiles + kSpanTiles - 1) / kSpanTiles;
    grid_release();
    if (blockIdx.z >= spans) return;
    const i64 head = (i64)row * x.heads + kv_head * group + first;  // of this block's first in [rows, heads]

    u32 q[Codes::kSteps][2];
    float a[2], s[2];
    const auto locate = [&](int index) {
        const int page = x.batch.page(row, index);
        u8 *key_plane = plane_of(x.cache, x.page_bytes, page, x.key), *value_plane = plane_of(x.cache, x.page_bytes, page, x.value);
        u16* scales = scale_of(lane < 16 ? key_plane : value_plane, (lane < 16 ? x.key : x.value).head_bytes, x.kv_heads, kv_head, 0);
        return TileAddress{key_plane + kv_head * kPageSize * x.key.head_bytes, value_plane + kv_head * kPageSize * x.value.head_bytes,
            (const uint4*)(scales + lane / 8 % 2 * x.kv_heads * kPageSize) + lane % 8};
    };
    Codes tile;
    TileAddress at_tile = {};
    for (int span = blockIdx.z; span < spans; span += gridDim.z) {
        const int index = span * kSpanTiles + warp, next_index = index + kSpanTiles * gridDim.z;
        const bool has_tile = index < tiles, has_next = Warp::kLoadsAhead && next_index < tiles;
        if (!Warp::kLoadsAhead || span == blockIdx.z) {
            if (!x.settled || index >= tiles - 1) grid_wait();
            if (has_tile) {
                at_tile = locate(index);
                Warp::load(tile, at_tile);
            }
        }
        TileAddress next = {};
        if (has_next) next = locate(next_index);
        if (span == blockIdx.z) {
            grid_wait();
            const signed char* codes = x.q + (head + min(Warp::column_head(g), count - 1)) * kDim;
#pragma unroll
            for (int step = 0; step < Codes::kSteps; step++) {
                const uint2 eight = *(const uint2*)(codes + Codes::first_element(step, t));
                q[step][0] = kByteKeys ? eight.x : even_bytes(eight);
                q[step][1] = kByteKeys ? eight.y : odd_bytes(eight);
            }
#pragma unroll
            for (int e = 0; e < Warp::kOwn; e++) {
                const i64 at = head + min(2 * (t / Warp::kShare) + e, count - 1);
                a[e] = x.q_scale[at];
                s[e] = (float)x.q_sum[at];
            }
        } else {
            __syncthreads();  // the span before has been merged
        }
        if (has_tile) Warp::run(tile, at_tile.values, q, a, s, position + 1 - index * kPageSize, next, has_next, memory[warp]);
        __syncthreads();
        if (warp < count) {
            const i64 at = (((i64)blockIdx.y * x.heads + kv_head * group + first) + warp) * x.stride + span;
            merge_tiles<kDim, kHeads>(memory, min(kSpanTiles, tiles - span * kSpanTiles), warp, spans == 1,
                spans == 1 ? x.o + (head + warp) * kDim : x.span_o + at * kDim, x.span_ml + 2 * at);
        }
    }
    if (spans == 1) return;

    // Whoever comes last finds all spans of these heads in memory and merges them.
    __shared__ int is_last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        int* arrived = x.arrived + blockIdx.y * gridDim.x + blockIdx.x;
        is_last = atomicAdd(arrived, 1) == min((int)gridDim.z, spans) - 1;
        if (is_last) *arrived = 0;
    }
    __syncthreads();
    if (is_last && warp < count) {
        __threadfence();
        const i64 at = (((i64)blockIdx.y * x.heads + kv_head * group + first) + warp) * x.stride;
        merge_spans<kDim>(x.span_o + at * kDim, x.span_ml + 2 * at, spans, x.o + (head + warp) * kDim);
    }
}

#define DECODE(name, dim, byte_keys, byte_values, block_heads, blocks)                                                                             \
    extern "C" __global__ void __launch_bounds__(32 * kSpanWarps, blocks) name(const signed char* q, const float* q_scale, const int* q_sum,       \
        u8* cache, i64 page_bytes, Plane key, Plane value, Batch batch, const int* rows, int heads, int kv_heads, float* o, float* span_o,         \
        float* span_ml, int* arrived, int stride, int settled) {                                                                                              \
        decode<dim, byte_keys, byte_values, block_heads>(                                                                                          \
            {q, q_scale, q_sum, cache, page_bytes, key, value, batch, rows, heads, kv_heads, o, span_o, span_ml, arrived, stride, settled});                \
    }
// flash_decode_<dim>_<4 or 8 bits a stored code of K><of V>_<heads of a block>
DECODE(flash_decode_64_44_1, 64, false, false, 1, 2)
DECODE(flash_decode_64_44_2, 64, false, false, 2, 2)
DECODE(flash_decode_64_44_4, 64, false, false, 4, 2)
DECODE(flash_decode_64_44_8, 64, false, false, 8, 2)
DECODE(flash_decode_128_44_1, 128, false, false, 1, 2)
DECODE(flash_decode_128_44_2, 128, false, false, 2, 2)
DECODE(flash_decode_128_44_4, 128, false, false, 4, 2)
DECODE(flash_decode_128_44_8, 128, false, false, 8, 2)
DECODE(flash_decode_64_48_8, 64, false, true, 8, 2)
DECODE(flash_decode_64_84_8, 64, true, false, 8, 2)
DECODE(flash_decode_64_88_8, 64, true, true, 8, 2)
DECODE(flash_decode_128_48_8, 128, false, true, 8, 1)
DECODE(flash_decode_128_84_8, 128, true, false, 8, 1)
DECODE(flash_decode_128_88_8, 128, true, true, 8, 1)
