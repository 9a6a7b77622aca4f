// w4a4_gemm with mma.sync, for Ampere and Ada, and on Hopper for 17 to some 200 tokens: the formula, flags, weights (w4_layout.cuh), scales and
// roundings of w4a4_gemm_sm90.cu.
//
//   x  s8 [tokens, k] row-major, 16-byte aligned; the other pointers as there
//
//            64 tokens                A CTA: 8 warps x 16 rows of W. A lane takes its weights straight from memory, 16 bytes for 64 k, in the order of the
//         +-----------+  warp 0      A fragment, `kAhead` blocks ahead. Activations go through shared memory, 128 k at a time, kStages deep; rows are
//   128   |           |   ...        144 bytes apart, so that the 8 rows x 4 words of a B fragment lie in 32 banks.
//   rows  +-----------+  warp 7
//
// Launch: grid (ceil(out / 128), ceil(tokens / 64)), 256 threads. Limits: as w4a4_gemm_sm90.cu.
#include "ptx.cuh"
#include "w4_epilogue.cuh"

namespace gemm_mma {

constexpr int kTokens = 64, kTiles = kTokens / 8;
constexpr int kStageK = 128;    // and one weight group
constexpr int kStages = 4;
constexpr int kPitch = kStageK + 16;
constexpr int kAhead = 4;       // blocks of weights: two stages

// Codes of 64 tokens x 128 k; beyond the matrix there are zeros.
__device__ __forceinline__ void fetch(u8* stage, const signed char* x, int tokens, int k, int first_token, int from_k) {
#pragma unroll
    for (int i = 0; i < kTokens * kStageK / 16 / 256; i++) {
        const int vector = threadIdx.x + 256 * i, row = vector / 8, at = vector % 8 * 16;
        const bool is_inside = first_token + row < tokens && from_k + at < k;
        copy_16_or_zeros(stage + row * kPitch + at, is_inside ? x + (i64)(first_token + row) * k + from_k + at : x, is_inside ? 16 : 0);
    }
}

template <bool Grouped>
__device__ __forceinline__ void run(const signed char* x, const u8* w, const float* sw, const float* sx, const float* bias, float* y, int tokens,
                                    int out, int k, int flags) {
    __shared__ __align__(16) u8 memory[kStages][kTokens * kPitch];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const int first_row = blockIdx.x * 128 + 16 * warp, first_token = blockIdx.y * kTokens;
    const int blocks = k / 64, stages = (k + kStageK - 1) / kStageK, o = first_row + 2 * g;
    const bool has_rows = first_row < (out + 63) / 64 * 64;
    const u8* mine = w + ((i64)(first_row / 64) * blocks * 4 + first_row % 64 / 16) * 512 + lane * 16;
    uint4 ahead[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; i++) ahead[i] = has_rows && i < blocks ? load_once((const uint4*)(mine + (i64)i * 2048)) : make_uint4(0, 0, 0, 0);
    grid_wait();
    grid_release();
#pragma unroll
    for (int s = 0; s < kStages - 1; s++) {
        if (s < stages) fetch(memory[s], x, tokens, k, first_token, s * kStageK);
        copies_commit();
    }

    int acc[kTiles][4] = {};
    float total[kTiles][4] = {};
    for (int s = 0; s < stages; s++) {
        copies_wait_group<kStages - 2>();
        __syncthreads();
        const int next = s + kStages - 1;
        if (next < stages) fetch(memory[next % kStages], x, tokens, k, first_token, next * kStageK);
        copies_commit();
        const u8* stage = memory[s % kStages] + g * kPitch + 4 * t;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const uint4 packed = ahead[0];
#pragma unroll
            for (int i = 1; i < kAhead; i++) ahead[i - 1] = ahead[i];
            const int block = 2 * s + half + kAhead;
            ahead[kAhead - 1] = has_rows && block < blocks ? load_once((const uint4*)(mine + (i64)block * 2048)) : make_uint4(0, 0, 0, 0);
            u32 a[2][4];
            unpack_pair(packed.x, a[0][0], a[0][1]);
            unpack_pair(packed.y, a[0][2], a[0][3]);
            unpack_pair(packed.z, a[1][0], a[1][1]);
            unpack_pair(packed.w, a[1][2], a[1][3]);
#pragma unroll
            for (int j = 0; j < kTiles; j++) {
                const u8* from = stage + 8 * j * kPitch + 64 * half;
                mma_s8(acc[j], a[0], *(const u32*)from, *(const u32*)(from + 16));
                mma_s8(acc[j], a[1], *(const u32*)(from + 32), *(const u32*)(from + 48));
            }
        }
        if (!Grouped && s + 1 < stages) continue;
        const float2 scale = o < out ? *(const float2*)(sw + (i64)(Grouped ? s : 0) * out + o) : make_float2(0.0f, 0.0f);
#pragma unroll
        for (int j = 0; j < kTiles; j++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                total[j][i] = __fmaf_rn((float)acc[j][i], (i & 2 ? scale.y : scale.x) * kSixteenth, total[j][i]);
                acc[j][i] = 0;
            }
    }
    if (o >= out) return;
    const Bias own_bias(bias, o, out);
#pragma unroll
    for (int j = 0; j < kTiles; j++)
#pragma unroll
        for (int c = 0; c < 2; c++) {
            const int m = first_token + 8 * j + 2 * t + c;
            if (m < tokens) finish_pair(y, m, o, out, total[j][c], total[j][2 + c], sx[m], own_bias, flags);
        }
}

}  // namespace gemm_mma

#define W4A4_GEMM_MMA(name, grouped)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256) name(const signed char* x, const u8* w, const float* sw, const float* sx,          \
        const float* bias, float* y, int tokens, int out, int k, int flags) {                                                            \
        gemm_mma::run<grouped>(x, w, sw, sx, bias, y, tokens, out, k, flags);                                                            \
    }
W4A4_GEMM_MMA(w4a4_gemm_mma, false)
W4A4_GEMM_MMA(w4a4_gemm_mma_g128, true)
