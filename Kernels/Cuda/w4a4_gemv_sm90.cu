// w4a4_gemm for 1 to 16 tokens (decode) on Hopper: the formula, flags, weights, scales and roundings of w4a4_gemm_sm90.cu.
//
//   x     s8 [tokens, k] row-major, 4-byte aligned; the other pointers as there
//
// Bound by reading the weights once, so everything serves one aim: many bytes under way on every SM, all the time, across panels and kernels.
//
//   one CTA an SM; panel p (64 rows of W) goes to CTA p mod grid       A warp's ring of `Slots` blocks runs on from panel to panel: while the sums
//     k ->    |w0|w1|..|w7|w0|w1|..|w7|...     2048-byte blocks        of one panel meet in shared memory, the copies of the next are under way.
//     64 rows |  |  |  |  |  |  |  |  |        64 rows x 64 k          The first ring is filled before the kernel ahead has finished
//                                                                      (programmatic dependent launch): weights depend on nobody.
//
// A block is exactly what bulk copies like (2 KB in a row) and what mma.m16n8k32 wants (16 bytes a lane, w4_layout.cuh). Activations come through L1:
// a quarter of the bytes of the weights at 8 tokens. They are loaded one block ahead. Integer sums of the 8 warps meet in any order. With groups (`_g128`:
// a group is two blocks) every 8 groups the exact sums meet, and one thread an element adds them to its float sum in ascending order.
//
// Launch: gridDim.x at most the SM count; 256 threads; shared memory: Memory::Bytes, but more than half of an SM's: two CTAs of
// different kernels on one SM share it unevenly and are slower. `_r32` has panels of 32 rows: twice the CTAs.
// Limits: k a multiple of 64 (128 with groups), out even, tokens <= 8 (t8) or 16 (t16); k ranges as in w4a4_gemm_sm90.cu.
#include "ptx.cuh"
#include "ptx_sm90.cuh"
#include "w4_epilogue.cuh"

namespace gemv {

constexpr int kWarps = 8;
constexpr int kBlockBytes = 2048;   // of 64 rows x 64 k in memory

// Rows: 64, or 32 where a matrix has too few panels of 64 to occupy every SM: then a CTA takes one half of each block.
template <int Tiles, int Rows>
struct Memory {
    static constexpr int SlotBytes = Rows * 32;
    static constexpr int Slots = (Tiles == 1 ? 6 : 3) * 64 / Rows;  // 96 or 48 KB under way, by trial (bench/NOTES.md)
    static constexpr int Pitch = Rows + 8;  // ints; 2t rows apart, the lanes of a store then touch all banks
    static constexpr int SumsAt = kWarps * Slots * SlotBytes;
    static constexpr int SumsOfWarp = Tiles * 8 * Pitch;
    static constexpr int BarriersAt = SumsAt + kWarps * SumsOfWarp * 4;
    static constexpr int Bytes = BarriersAt + kWarps * Slots * 8 + 64;
};

// The blocks of one warp in order: in each of its CTA's panels, pairs (Grouped) or single blocks warp, warp + 8, ...
template <bool Grouped>
struct Walk {
    int panel, block;
    __device__ __forceinline__ Walk(int warp) : panel(blockIdx.x), block(Grouped ? 2 * warp : warp) {}
    __device__ __forceinline__ void next(int warp, int blocks) {
        block += Grouped ? (block & 1 ? 2 * kWarps - 1 : 1) : kWarps;
        if (block >= blocks) { block = Grouped ? 2 * warp : warp; panel += gridDim.x; }
    }
};

// B fragments of one block: columns past `tokens` are zeros.
template <int Tiles>
struct Codes {
    u32 word[Tiles][4];
    __device__ __forceinline__ void load(const signed char* x, int tokens, int k, int block) {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int j = 0; j < Tiles; j++) {
            const int m = 8 * j + lane / 4;
            const u32* from = (const u32*)(x + (i64)m * k + block * 64) + lane % 4;
#pragma unroll
            for (int i = 0; i < 4; i++) word[j][i] = m < tokens ? from[4 * i] : 0;
        }
    }
};

// Adds a block to the sums of Fragments x 16 rows.
template <int Tiles, int Fragments>
__device__ __forceinline__ void multiply(int (&acc)[Fragments][Tiles][4], u32 slot, const Codes<Tiles>& codes) {
#pragma unroll
    for (int r = 0; r < Fragments; r++) {
        u32 p[4], a[2][4];
        asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(p[0]), "=r"(p[1]), "=r"(p[2]), "=r"(p[3]) : "r"(slot + (32 * r + threadIdx.x % 32) * 16) : "memory");
#pragma unroll
        for (int i = 0; i < 4; i++) unpack_pair(p[i], a[i / 2][i % 2 * 2], a[i / 2][i % 2 * 2 + 1]);
#pragma unroll
        for (int j = 0; j < Tiles; j++) {
            mma_s8(acc[r][j], a[0], codes.word[j][0], codes.word[j][1]);
            mma_s8(acc[r][j], a[1], codes.word[j][2], codes.word[j][3]);
        }
    }
}

// sums [Tiles * 8 tokens][rows, padded]; clears the accumulators.
template <int Tiles, int Fragments>
__device__ __forceinline__ void store_sums(int* sums, int (&acc)[Fragments][Tiles][4]) {
    constexpr int kPitch = Memory<Tiles, 16 * Fragments>::Pitch;
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int r = 0; r < Fragments; r++)
#pragma unroll
        for (int j = 0; j < Tiles; j++) {
#pragma unroll
            for (int c = 0; c < 2; c++) *(int2*)(sums + (8 * j + lane % 4 * 2 + c) * kPitch + 16 * r + lane / 4 * 2) = make_int2(acc[r][j][c], acc[r][j][2 + c]);
            acc[r][j][0] = acc[r][j][1] = acc[r][j][2] = acc[r][j][3] = 0;
        }
}

template <int Tiles, bool Grouped, int Rows>
__device__ __forceinline__ void run(const signed char* x, const u8* w, const float* sw, const float* sx, const float* bias, float* y, int tokens,
                                    int out, int k, int flags) {
    extern __shared__ __align__(128) u8 dynamic_memory[];
    typedef Memory<Tiles, Rows> M;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int blocks = k / 64, panels = (out + Rows - 1) / Rows;
    int* sums = (int*)(dynamic_memory + M::SumsAt);
    const u32 ring = smem_address(dynamic_memory) + warp * M::Slots * M::SlotBytes,
              barriers = smem_address(dynamic_memory) + M::BarriersAt + warp * M::Slots * 8;
    const bool has_work = (Grouped ? 2 * warp : warp) < blocks;

    Walk<Grouped> ahead(warp);
    const auto fetch = [&](int slot) {
        if (!has_work || ahead.panel >= panels) return;
        if (lane == 0) {
            const u8* from = w + ((i64)(ahead.panel * Rows / 64) * blocks + ahead.block) * kBlockBytes + ahead.panel * Rows % 64 * 32;
            barrier_expect(barriers + 8 * slot, M::SlotBytes);
            copy_bulk(ring + slot * M::SlotBytes, from, M::SlotBytes, barriers + 8 * slot);
        }
        ahead.next(warp, blocks);
    };
    if (lane == 0) {
        for (int i = 0; i < M::Slots; i++) barrier_init(barriers + 8 * i, 1);
        barrier_init_fence();
    }
    __syncwarp();
    for (int i = 0; i < M::Slots; i++) fetch(i);
    grid_wait();
    grid_release();

    int acc[Rows / 16][Tiles][4] = {}, slot = 0;
    u32 phase = 0;
    Codes<Tiles> codes, next_codes;
    Walk<Grouped> at(warp);
    if (has_work) codes.load(x, tokens, k, at.block);
    // Who ends what: 64 rows are 32 pairs of 8 tokens, 32 rows 16 pairs of 16.
    constexpr int Pairs = Rows / 2, TokensAtOnce = 256 / Pairs, Ends = Tiles * 8 > TokensAtOnce ? Tiles * 8 / TokensAtOnce : 1;
    const int pair = threadIdx.x % Pairs, token = threadIdx.x / Pairs, rounds = Grouped ? (blocks / 2 + kWarps - 1) / kWarps : 1;
    for (int panel = blockIdx.x; panel < panels; panel += gridDim.x) {
        const int o = panel * Rows + 2 * pair;
        float total[Ends][2] = {};
        // What the end needs, on its way while the weights come; for a few tokens what lies in L2 anyway is better asked for late (bench/NOTES.md).
        constexpr bool kEarly = Tiles > 1;
        const Bias own_bias(bias, o, out);
        const float2 own_scale = !Grouped && o < out ? __ldg((const float2*)(sw + o)) : make_float2(0.0f, 0.0f);
        float token_scale[Ends];
        float2 old[Ends];
#pragma unroll
        for (int j = 0; j < Ends; j++) {
            const int m = TokensAtOnce * j + token;
            const bool ends = kEarly && m < tokens && o < out;
            token_scale[j] = ends ? sx[m] : 0.0f;
            old[j] = ends ? old_pair(y, m, o, out, flags) : make_float2(0.0f, 0.0f);
        }
        int group = 0;
        for (int round = 0; round < rounds; round++) {
            const int count = Grouped ? 2 * (2 * (warp + kWarps * round) < blocks) : (blocks - warp + kWarps - 1) / kWarps;
            for (int i = 0; i < count; i++) {
                at.next(warp, blocks);
                next_codes.load(x, tokens, k, at.block);
                barrier_wait(barriers + 8 * slot, phase);
                multiply(acc, ring + slot * M::SlotBytes, codes);
                __syncwarp();
                fetch(slot);
                if (++slot == M::Slots) { slot = 0; phase ^= 1; }
                codes = next_codes;
            }
            store_sums(sums + warp * M::SumsOfWarp, acc);
            __syncthreads();
            const int parts = Grouped ? min(kWarps, blocks / 2 - kWarps * round) : kWarps;
#pragma unroll
            for (int j = 0; j < Ends; j++) {
                if (TokensAtOnce * j + token >= Tiles * 8) break;
                const int* from = sums + (TokensAtOnce * j + token) * M::Pitch + 2 * pair;
                int2 sum = make_int2(0, 0);
                for (int i = 0; i < parts; i++) {
                    const int2 part = *(const int2*)(from + i * M::SumsOfWarp);
                    if (Grouped) {
                        const float2 scale = o < out ? *(const float2*)(sw + (i64)(group + i) * out + o) : make_float2(0.0f, 0.0f);
                        total[j][0] = __fmaf_rn((float)part.x, scale.x * kSixteenth, total[j][0]);
                        total[j][1] = __fmaf_rn((float)part.y, scale.y * kSixteenth, total[j][1]);
                    } else {
                        sum.x += part.x;
                        sum.y += part.y;
                    }
                }
                if (!Grouped) {
                    total[j][0] = __fmaf_rn((float)sum.x, own_scale.x * kSixteenth, 0.0f);
                    total[j][1] = __fmaf_rn((float)sum.y, own_scale.y * kSixteenth, 0.0f);
                }
            }
            group += kWarps;
            __syncthreads();
        }
#pragma unroll
        for (int j = 0; j < Ends; j++) {
            const int m = TokensAtOnce * j + token;
            if (m >= tokens || o >= out) continue;
            if (kEarly) finish_pair(y, m, o, out, total[j][0], total[j][1], token_scale[j], own_bias, flags, old[j]);
            else finish_pair(y, m, o, out, total[j][0], total[j][1], sx[m], own_bias, flags);
        }
    }
}

}  // namespace gemv

#define W4A4_GEMV(name, tiles, grouped, rows)                                                                                            \
    extern "C" __global__ void __launch_bounds__(256, 1) name(const signed char* x, const u8* w, const float* sw, const float* sx,        \
        const float* bias, float* y, int tokens, int out, int k, int flags) {                                                            \
        gemv::run<tiles, grouped, rows>(x, w, sw, sx, bias, y, tokens, out, k, flags);                                                   \
    }
W4A4_GEMV(w4a4_gemv_sm90_t8, 1, false, 64)
W4A4_GEMV(w4a4_gemv_sm90_t16, 2, false, 64)
W4A4_GEMV(w4a4_gemv_sm90_t8_g128, 1, true, 64)
W4A4_GEMV(w4a4_gemv_sm90_t16_g128, 2, true, 64)
W4A4_GEMV(w4a4_gemv_sm90_t8_r32, 1, false, 32)
W4A4_GEMV(w4a4_gemv_sm90_t16_r32, 2, false, 32)
W4A4_GEMV(w4a4_gemv_sm90_t8_r32_g128, 1, true, 32)
W4A4_GEMV(w4a4_gemv_sm90_t16_r32_g128, 2, true, 32)
