// w4a4_gemm for many tokens on Hopper: y[m, o] = (sum over groups g ascending of fma((float)acc, sw[g, o], .)) * sx[m] (+ bias[o]) (+ y),
// acc = exact int32 sum over the group's k of x[m, k] * w[o, k]. Bit for bit Backend.Gemm (Kernels/Backends/Backend.cs).
//
//   x     tensor map of s8 [tokens, k] row-major, box 128 x 64 rows, 128-byte swizzle, out of bounds 0. Rows past `tokens` may hold anything.
//   w     packed INT4, the layout below, 2048-byte blocks [ceil(out / 64), k / 64]
//   sw    f32 [groups, out]: groups = 1 (`_n256`, `_n128`) or k / 128 (`_g128`)      sx f32 [tokens]      bias f32 [out] or null
//   y     f32 [tokens, out], or [tokens, out / 2] with kSiluAndMul        flags: w4_epilogue.cuh        y, sw, sx and bias are 8-byte aligned
//
// Hopper has no INT4 tensor core, and its INT8 one reads B from shared memory only, but A also from registers. So Y^T = W * X^T: weights
// are A and are unpacked in registers (two logic ops for 8 weights, into 16 times their value), activations are B and stay INT8.
//
// Block of packed weights, 64 rows x 64 k: 128 threads x 16 bytes, thread 32 w + 4 g + t the one that feeds them to the tensor core. Byte b
// of its word j: k = 32 (j / 2) + 16 (j % 2) + 4 t + b, low nibble row 16 w + 2 g, high nibble row 16 w + 2 g + 1. Fragment rows g and g + 8
// are thus neighbours in y, which makes stores of whole 32-byte sectors. Rows past `out` are zeros.
//
//   cluster of 2 CTAs: 256 rows of W x N tokens          Each CTA fetches its weights, and half of the activations for both CTAs
//        N tokens                                        (multicast), so L2 gives 24 bytes a cycle and SM at full tensor rate (N = 256)
//     +-----------+  CTA 0: warpgroup 1 rows 0-63,       instead of 40, which it cannot. Warpgroup 0 is the producer: one thread starts
//     |           |         warpgroup 2 rows 64-127      the copies, `Stages` ahead. A consumer unpacks the weights of stage s while its
//     +-----------+  CTA 1: the same, rows 128-255       own wgmmas of stage s - 1 run, and the two consumers cover for each other.
//     +-----------+
// Clusters are persistent: tiles go round robin, 8 token tiles wide bands, so that a wave of tiles shares its operands in L2.
// Grouped: a consumer adds a group's integer sums to its FP32 sums while the other consumer has the tensor cores.
//
// Launch: gridDim.x even, at most the SM count; 384 threads; shared memory 205,904 bytes (n256) or 197,760 (n128, g128).
// Limits: k a multiple of 64 (128 for _g128), out even; |acc| * 16 < 2^31: k <= 2,097,151 for INT4 codes, 131,071 for INT8 codes.
#include "ptx.cuh"
#include "w4_epilogue.cuh"
#include "wgmma_s8.cuh"

namespace gemm {

static constexpr int StageK = 128;         // one swizzle row of INT8, and one group
static constexpr int BoxRows = 64;
static constexpr int BlockBytes = 2048;
static constexpr int Warpgroup = 128;
static constexpr int Band = 8;

template <int N>
struct Shape {
    static constexpr int TokenBytes = N * StageK;
    static constexpr int StageBytes = TokenBytes + 4 * BlockBytes;
    static constexpr int Stages = N == 256 ? 5 : 8;
};

// Which tile: 256 rows of W from `out`, N tokens from `token`.
struct Tile { int out, token; };

template <int N>
__device__ __forceinline__ Tile tile_at(int index, int out_tiles, int token_tiles) {
    const int band = index / (Band * out_tiles), inside = index % (Band * out_tiles);
    const int width = min(token_tiles - band * Band, Band);
    return {inside / width * 256, (band * Band + inside % width) * N};
}

// Ring of stages as seen by one role.
struct Ring {
    u32 stage = 0, phase = 0;
    template <int Stages>
    __device__ __forceinline__ void next() {
        if (++stage == Stages) { stage = 0; phase ^= 1; }
    }
};

template <int N>
__device__ __forceinline__ void produce(const TensorMap* x, const unsigned char* w, int out, int k, u32 memory, u32 full, u32 empty, Tile tile,
                                        int rank, Ring& ring) {
    typedef Shape<N> S;
    const int blocks_k = k / 64;
    const int row = tile.out + 128 * rank;
    const int blocks = max(0, min(2, (out - row + 63) / 64));
    for (int b = 0; b < blocks_k; b += 2) {
        const u32 slot = memory + ring.stage * S::StageBytes, full_slot = full + 8 * ring.stage;
        const u32 bytes = min(2, blocks_k - b) * BlockBytes;
        barrier_wait(empty + 8 * ring.stage, ring.phase ^ 1);
        barrier_expect(full_slot, S::TokenBytes + blocks * bytes);
        for (int r = rank * (N / 2); r < (rank + 1) * (N / 2); r += BoxRows)
            copy_tensor_multicast(slot + r * StageK, x, b * 64, tile.token + r, full_slot, 3);
        for (int i = 0; i < blocks; i++)
            copy_bulk(slot + S::TokenBytes + i * 2 * BlockBytes, w + ((long long)(row / 64 + i) * blocks_k + b) * BlockBytes, bytes, full_slot);
        ring.next<S::Stages>();
    }
}

// Tells both CTAs' producers that this warp is done with a stage.
__device__ __forceinline__ void release(u32 empty_slot) {
    const u32 lane = threadIdx.x % 32;
    if (lane < 2) barrier_arrive_peer(peer_address(empty_slot, lane));
}

// Waits for the stage, unpacks its weights into `a`, starts its four wgmmas. `add` is 0 where the sums begin.
template <int N>
__device__ __forceinline__ void start_stage(int (&acc)[N / 2], u32 (&a)[16], u32 memory, u32 full, const Ring& ring, int add) {
    typedef Shape<N> S;
    const u32 slot = memory + ring.stage * S::StageBytes;
    const u32 thread = threadIdx.x % Warpgroup, half = threadIdx.x / Warpgroup - 1;
    barrier_wait(full + 8 * ring.stage, ring.phase);
    const u32 mine = slot + S::TokenBytes + half * 2 * BlockBytes + thread * 16;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        u32 p[4];
        asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(p[0]), "=r"(p[1]), "=r"(p[2]), "=r"(p[3]) : "r"(mine + i * BlockBytes) : "memory");
#pragma unroll
        for (int j = 0; j < 4; j++) unpack_pair(p[j], a[8 * i + 2 * j], a[8 * i + 2 * j + 1]);
    }
    const u64 b = swizzled_tile(slot);
    wgmma_fence();
#pragma unroll
    for (int j = 0; j < 4; j++) wgmma_s8(acc, a + 4 * j, b + 2 * j, j ? 1 : add);
    wgmma_commit();
}

// The sums may be read only after their wgmmas are waited for: keeps the compiler from reading them earlier.
template <int Count>
__device__ __forceinline__ void settled(int (&acc)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; i++) asm volatile("" : "+r"(acc[i])::"memory");
}

// The tokens of a tile that a thread writes: 2 of every 8, for two rows of W. v[4j + e] and v[4j + e + 2] are token first + 8j + e of the two rows.
//
// While a tile is written two warps a scheduler do nothing else, so that every instruction and every wait shows: endings are told apart once a
// tile, a tile that ends before its last token is another path, and loads go ahead of what needs them.
template <int N, bool Whole, bool Biased, typename Sum>
__device__ __forceinline__ void finish_sums(float (&v)[N / 2], int tokens, const float* sx, const Bias& bias, int first, Sum t) {
#pragma unroll
    for (int j = 0; j < N / 8; j++) {
        const int m = first + 8 * j;
        const float2 scale = Whole ? __ldg((const float2*)(sx + m)) : make_float2(__ldg(sx + min(m, tokens - 1)), __ldg(sx + min(m + 1, tokens - 1)));
#pragma unroll
        for (int i = 0; i < 4; i++) {
            v[4 * j + i] = __fmul_rn(t(4 * j + i), i % 2 ? scale.y : scale.x);
            if (Biased) v[4 * j + i] = __fadd_rn(v[4 * j + i], i / 2 ? bias.pair.y : bias.pair.x);
        }
    }
}

template <int N>
__device__ __forceinline__ void store_whole(const float (&v)[N / 2], float* to, int pitch) {
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
        const int at = 4 * (i / 2) + i % 2;
        *(float2*)(to + (i64)pitch * (8 * (i / 2) + i % 2)) = make_float2(v[at], v[at + 2]);
    }
}

template <int N>
__device__ __forceinline__ void add_whole(const float (&v)[N / 2], float* to, int pitch) {
    constexpr int kRun = 16, kRuns = N / 4 / kRun;
    float2 old[2][kRun];
    const auto load = [&](int run) {
#pragma unroll
        for (int i = 0; i < kRun; i++) old[run % 2][i] = *(const float2*)(to + (i64)pitch * (8 * ((run * kRun + i) / 2) + i % 2));
    };
    load(0);
#pragma unroll
    for (int run = 0; run < kRuns; run++) {
        if (run + 1 < kRuns) load(run + 1);
#pragma unroll
        for (int i = 0; i < kRun; i++) {
            const int pair = run * kRun + i, at = 4 * (pair / 2) + pair % 2;
            const float2 before = old[run % 2][i];
            *(float2*)(to + (i64)pitch * (8 * (pair / 2) + pair % 2)) = make_float2(__fadd_rn(before.x, v[at]), __fadd_rn(before.y, v[at + 2]));
        }
    }
}

template <int N>
__device__ __forceinline__ void store_silu_whole(const float (&v)[N / 2], float* to, int pitch) {
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
        const int at = 4 * (i / 2) + i % 2;
        to[(i64)pitch * (8 * (i / 2) + i % 2)] = silu_and_mul_of_moderate(v[at], v[at + 2]);
    }
}

// t(i) is the FP32 sum of accumulator i.
template <int N, bool Biased, typename Sum>
__device__ __forceinline__ void write_tile(int tokens, int out, const float* sx, const float* bias, float* y, int flags, int row, int token, Sum t) {
    if (row >= out) return;
    const int first = token + 2 * (threadIdx.x % 4), channel = flags & kSiluAndMul ? row / 2 : row, pitch = flags & kSiluAndMul ? out / 2 : out;
    const Bias own_bias(Biased ? bias : nullptr, row, out);
    float v[N / 2];   // in the registers of the sums
    bool is_plain = token + N <= tokens;
    if (is_plain) finish_sums<N, true, Biased>(v, tokens, sx, own_bias, first, t);
    else finish_sums<N, false, Biased>(v, tokens, sx, own_bias, first, t);
    if (flags & kSiluAndMul) {
        float largest = 0.0f;
#pragma unroll
        for (int i = 0; i < N / 4; i++) largest = max_or_nan(largest, fabsf(v[4 * (i / 2) + i % 2]));
        is_plain = is_plain && largest <= kNormalExp;
    }
    float* const to = y + (i64)first * pitch + channel;
    if (!is_plain) {
#pragma unroll
        for (int i = 0; i < N / 4; i++) {
            const int m = first + 8 * (i / 2) + i % 2, at = 4 * (i / 2) + i % 2;
            if (m < tokens) store_pair(y, m, row, out, v[at], v[at + 2], flags, old_pair(y, m, row, out, flags));
        }
    } else if (flags & kSiluAndMul) {
        store_silu_whole<N>(v, to, pitch);
    } else if (flags & kAccumulate) {
        add_whole<N>(v, to, pitch);
    } else {
        store_whole<N>(v, to, pitch);
    }
}

// First of the two rows of W that this thread holds.
__device__ __forceinline__ int first_row(const Tile& tile, int rank) {
    const int thread = threadIdx.x - Warpgroup;
    return tile.out + 128 * rank + thread / 32 * 16 + thread % 32 / 4 * 2;
}

template <int N>
__device__ __forceinline__ void consume(const float* sw, const float* sx, const float* bias, float* y, int tokens, int out, int k, int flags,
                                        u32 memory, u32 full, u32 empty, const Tile& tile, int rank, Ring& ring) {
    typedef Shape<N> S;
    int acc[N / 2];
    u32 a[2][16];
    const int stages = (k + StageK - 1) / StageK;
    u32 previous = ring.stage;
    start_stage<N>(acc, a[0], memory, full, ring, 0);
    ring.next<S::Stages>();
    for (int s = 1; s < stages; s += 2) {
        start_stage<N>(acc, a[1], memory, full, ring, 1);
        wgmma_wait<1>();
        release(empty + 8 * previous);
        previous = ring.stage;
        ring.next<S::Stages>();
        if (s + 1 == stages) break;
        start_stage<N>(acc, a[0], memory, full, ring, 1);
        wgmma_wait<1>();
        release(empty + 8 * previous);
        previous = ring.stage;
        ring.next<S::Stages>();
    }
    wgmma_wait<0>();
    release(empty + 8 * previous);
    settled(acc);
    const int o = first_row(tile, rank);
    const float s0 = o < out ? sw[o] * kSixteenth : 0.0f, s1 = o < out ? sw[o + 1] * kSixteenth : 0.0f;
    const auto sum = [&](int i) { return __fmaf_rn((float)acc[i], i & 2 ? s1 : s0, 0.0f); };
    if (bias) write_tile<N, true>(tokens, out, sx, bias, y, flags, o, tile.token, sum);
    else write_tile<N, false>(tokens, out, sx, bias, y, flags, o, tile.token, sum);
}

// Adds one group's integer sums to the FP32 sums.
template <int Count>
__device__ __forceinline__ void add_group(float (&t)[Count], int (&acc)[Count], float2 scale) {
    settled(acc);
#pragma unroll
    for (int i = 0; i < Count; i++) t[i] = __fmaf_rn((float)acc[i], (i & 2 ? scale.y : scale.x) * kSixteenth, t[i]);
}

template <int N>
__device__ __forceinline__ void consume_groups(const float* sw, const float* sx, const float* bias, float* y, int tokens, int out, int k,
                                               int flags, u32 memory, u32 full, u32 empty, const Tile& tile, int rank, Ring& ring) {
    typedef Shape<N> S;
    int acc[N / 2];
    float t[N / 2];
    u32 a[16];
#pragma unroll
    for (int i = 0; i < N / 2; i++) t[i] = 0.0f;
    const int stages = k / StageK, o = first_row(tile, rank);
    const float* scales = sw + (o < out ? o : 0);   // rows past `out` compute what nobody stores
    for (int s = 0; s < stages; s++) {
        const float2 scale = *(const float2*)(scales + (long long)s * out);
        start_stage<N>(acc, a, memory, full, ring, 0);
        wgmma_wait<0>();
        release(empty + 8 * ring.stage);
        ring.next<S::Stages>();
        add_group(t, acc, scale);
    }
    const auto sum = [&](int i) { return t[i]; };
    if (bias) write_tile<N, true>(tokens, out, sx, bias, y, flags, o, tile.token, sum);
    else write_tile<N, false>(tokens, out, sx, bias, y, flags, o, tile.token, sum);
}

template <int N, bool Grouped>
__device__ __forceinline__ void run(const TensorMap* x, const unsigned char* w, const float* sw, const float* sx, const float* bias, float* y,
                                    int tokens, int out, int k, int flags) {
    typedef Shape<N> S;
    extern __shared__ unsigned char dynamic_memory[];
    const u32 memory = (smem_address(dynamic_memory) + 1023) & ~1023u;   // the 128-byte swizzle repeats every 1024
    const u32 full = memory + S::Stages * S::StageBytes, empty = full + 8 * S::Stages;
    const int rank = cluster_rank();
    if (threadIdx.x == 0) {
        for (int i = 0; i < S::Stages; i++) {
            barrier_init(full + 8 * i, 1);
            barrier_init(empty + 8 * i, 2 * 8);   // 8 consumer warps of each CTA
        }
        barrier_init_fence();
        prefetch_tensor_map(x);
    }
    cluster_sync();
    grid_wait();
    grid_release();
    const int out_tiles = (out + 255) / 256, token_tiles = (tokens + N - 1) / N;
    Ring ring;
    if (threadIdx.x < Warpgroup) {
        give_registers<40>();
        if (threadIdx.x == 0)
            for (int i = blockIdx.x / 2; i < out_tiles * token_tiles; i += gridDim.x / 2)
                produce<N>(x, w, out, k, memory, full, empty, tile_at<N>(i, out_tiles, token_tiles), rank, ring);
    } else {
        take_registers<232>();
        for (int i = blockIdx.x / 2; i < out_tiles * token_tiles; i += gridDim.x / 2) {
            const Tile tile = tile_at<N>(i, out_tiles, token_tiles);
            if (Grouped) consume_groups<N>(sw, sx, bias, y, tokens, out, k, flags, memory, full, empty, tile, rank, ring);
            else consume<N>(sw, sx, bias, y, tokens, out, k, flags, memory, full, empty, tile, rank, ring);
        }
    }
    __syncwarp();
    cluster_sync();   // a peer may still copy into this CTA or arrive at its barriers
}

}  // namespace gemm

#define W4A4_GEMM(name, tokens_of_tile, grouped)                                                                                         \
    extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(384, 1)                                                       \
        name(const __grid_constant__ TensorMap x, const unsigned char* w, const float* sw, const float* sx, const float* bias, float* y,  \
             int tokens, int out, int k, int flags) {                                                                                    \
        gemm::run<tokens_of_tile, grouped>(&x, w, sw, sx, bias, y, tokens, out, k, flags);                                               \
    }

W4A4_GEMM(w4a4_gemm_sm90_n256, 256, false)
W4A4_GEMM(w4a4_gemm_sm90_n128, 128, false)
W4A4_GEMM(w4a4_gemm_sm90_g128, 128, true)
