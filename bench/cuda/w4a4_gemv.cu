// w4a4_gemm for 1 to 16 tokens (decode): the formula, flags, weights, scales and roundings of w4a4_gemm_sm90.cu.
//
//   x     s8 [tokens, k] row-major, 16-byte aligned; the other pointers as there
//
// Bound by reading the weights once. `_s1`: a CTA owns 16 rows of W, its 8 warps interleaved parts of k. `_s2` to `_s8`: a cluster of S CTAs
// owns a 64-row panel, CTA r the r-th part of k; 8 warps = 4 x 16 rows times 2 interleaved parts of that range; activations are read a
// quarter as often. A lane's 16-byte load is 32 weights in mma.m16n8k32 order (A fragment), so a warp reads 512 bytes
// in a row and nothing passes through shared memory but the activations.
//
//     k ->   CTA 0        CTA 1      ...  CTA S-1          Every lane keeps `Ahead` loads in flight. Integer sums meet in shared memory
//     64    [h0|h1|h0|h1][h0|h1|h0|h1]                     and across the cluster: their order does not matter. With groups every group's
//     rows                                                 sum is kept, and one thread an element adds them in ascending k.
//
// S: a small matrix needs many CTAs to fill the chip, a large one has them anyway (bench/NOTES.md has the measured choice).
// Launch: gridDim.x = S * ceil(out / 64), 4 * ceil(out / 64) where S = 1, 256 threads, shared memory as `gemv::memory_bytes` says.
// Limits: k a multiple of 64 (128 with groups), out even, tokens <= 8 (t8) or 16 (t16); k ranges as in w4a4_gemm_sm90.cu.
#include "w4_epilogue.cuh"

namespace gemv {

static constexpr int Ahead = 8;
static constexpr int Panel = 64;

__device__ __forceinline__ uint4 load_weights(const unsigned char* p) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
    return v;
}

__device__ __forceinline__ void mma_s8(int (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// First pair of 64-k blocks of part r.
__host__ __device__ __forceinline__ int first_pair(int k, int parts, int r) { return (int)((long long)((k + 127) / 128) * r / parts); }

// Dynamic shared memory (columns: the 8 or 16 of the kernel's name): the integer sums, then the activations of this CTA's range, rows padded by 16 bytes against bank conflicts.
__host__ __device__ __forceinline__ int memory_bytes(int tokens, int columns, int k, int parts, bool grouped) {
    const int pairs = ((k + 127) / 128 + parts - 1) / parts, rows = parts == 1 ? 16 : Panel;
    return (grouped ? pairs : 128 / rows) * columns * rows * 4 + tokens * (pairs * 128 + 16);
}

// sums [Tiles * 8 tokens][Rows]
template <int Tiles, int Rows>
__device__ __forceinline__ void store_sums(int* sums, int (&acc)[Tiles][4]) {
    const int lane = threadIdx.x % 32, row = threadIdx.x / 32 % (Rows / 16) * 16 + lane / 4 * 2;
#pragma unroll
    for (int j = 0; j < Tiles; j++) {
#pragma unroll
        for (int c = 0; c < 2; c++) *(int2*)(sums + (8 * j + lane % 4 * 2 + c) * Rows + row) = make_int2(acc[j][c], acc[j][2 + c]);
    }
}

template <int Tiles, int Parts, bool Grouped>
__device__ __forceinline__ void run(const signed char* x, const unsigned char* w, const float* sw, const float* sx, const float* bias, void* y,
                                    int tokens, int out, int k, int flags) {
    extern __shared__ __align__(16) unsigned char dynamic_memory[];
    constexpr int Rows = Parts == 1 ? 16 : Panel, Halves = 128 / Rows, Slot = Tiles * 8 * Rows;
    const int rank = blockIdx.x % Parts, first_row = blockIdx.x / Parts * Rows;
    const int blocks = k / 64, begin = first_pair(k, Parts, rank), end = first_pair(k, Parts, rank + 1);
    int* sums = (int*)dynamic_memory;
    const int kept = Grouped ? ((k + 127) / 128 + Parts - 1) / Parts : Halves;
    unsigned char* codes = dynamic_memory + kept * Slot * 4;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, part = warp / (Rows / 16);

    // Block i of this warp: pairs begin + part, begin + part + Halves, ..., two blocks each.
    const auto block_of = [&](int i) { return 2 * (begin + part + i / 2 * Halves) + i % 2; };
    const int pairs = (end - begin - part + Halves - 1) / Halves;
    const int count = pairs <= 0 ? 0 : 2 * pairs - (block_of(2 * pairs - 1) >= blocks);
    const unsigned char* mine = w + (long long)(first_row / 64) * blocks * 2048 + (first_row % 64 / 16 + warp % (Rows / 16)) * 512 + lane * 16;
    uint4 ahead[Ahead];
#pragma unroll
    for (int i = 0; i < Ahead; i++)
        if (i < count) ahead[i] = load_weights(mine + (long long)block_of(i) * 2048);

    const int width = min(end * 128, k) - begin * 128, pitch = (end - begin) * 128 + 16;
    for (int i = threadIdx.x * 16; i < width; i += 256 * 16) {
#pragma unroll 4
        for (int m = 0; m < tokens; m++) *(uint4*)(codes + m * pitch + i) = *(const uint4*)(x + (long long)m * k + begin * 128 + i);
    }
    __syncthreads();

    int acc[Tiles][4] = {};
    const unsigned char* row[Tiles];
#pragma unroll
    for (int j = 0; j < Tiles; j++) row[j] = codes + min(8 * j + lane / 4, tokens - 1) * pitch + lane % 4 * 4;   // columns past tokens repeat
    for (int first = 0; first < count; first += Ahead) {
#pragma unroll
        for (int u = 0; u < Ahead; u++) {
            const int i = first + u;
            if (i >= count) break;
            const uint4 packed = ahead[u];
            if (i + Ahead < count) ahead[u] = load_weights(mine + (long long)block_of(i + Ahead) * 2048);
            u32 a[2][4];
            unpack_pair(packed.x, a[0][0], a[0][1]);
            unpack_pair(packed.y, a[0][2], a[0][3]);
            unpack_pair(packed.z, a[1][0], a[1][1]);
            unpack_pair(packed.w, a[1][2], a[1][3]);
            const int at = block_of(i) * 64 - begin * 128;
#pragma unroll
            for (int j = 0; j < Tiles; j++) {
                mma_s8(acc[j], a[0], *(const u32*)(row[j] + at), *(const u32*)(row[j] + at + 16));
                mma_s8(acc[j], a[1], *(const u32*)(row[j] + at + 32), *(const u32*)(row[j] + at + 48));
            }
            if (Grouped && i % 2) {
                store_sums<Tiles, Rows>(sums + (part + i / 2 * Halves) * Slot, acc);
#pragma unroll
                for (int j = 0; j < Tiles; j++) acc[j][0] = acc[j][1] = acc[j][2] = acc[j][3] = 0;
            }
        }
    }
    if (!Grouped) store_sums<Tiles, Rows>(sums + part * Slot, acc);
    if (Parts > 1) cluster_sync();
    else __syncthreads();

    const u32 base = smem_address(sums);
    for (int e = rank * 256 + threadIdx.x; e < tokens * Rows; e += Parts * 256) {
        const int m = e / Rows, o = first_row + e % Rows;
        if (o >= out) continue;
        float t = 0.0f;
        if (Grouped) {
            for (int r = 0; r < Parts; r++) {
                const u32 peer = peer_address(base + e * 4, r);
                const int g0 = first_pair(k, Parts, r), g1 = first_pair(k, Parts, r + 1);
#pragma unroll 8
                for (int g = g0; g < g1; g++)
                    t = __fmaf_rn((float)peer_load(peer + (g - g0) * Slot * 4), __ldg(sw + (long long)g * out + o) * Sixteenth, t);
            }
        } else {
            int sum = 0;
#pragma unroll
            for (int r = 0; r < Parts; r++) {
#pragma unroll
                for (int h = 0; h < Halves; h++) sum += peer_load(peer_address(base + (h * Slot + e) * 4, r));
            }
            t = __fmaf_rn((float)sum, sw[o] * Sixteenth, 0.0f);
        }
        finish(y, (long long)m * out + o, t, sx[m], bias, o, flags);
    }
    if (Parts > 1) cluster_linger();   // peers read this CTA's sums
}

}  // namespace gemv

#define W4A4_GEMV(name, tiles, parts, grouped)                                                                                           \
    extern "C" __global__ void __cluster_dims__(parts, 1, 1) __launch_bounds__(256, 3)                                                   \
        name(const signed char* x, const unsigned char* w, const float* sw, const float* sx, const float* bias, void* y, int tokens,     \
             int out, int k, int flags) {                                                                                                \
        gemv::run<tiles, parts, grouped>(x, w, sw, sx, bias, y, tokens, out, k, flags);                                                  \
    }

W4A4_GEMV(w4a4_gemv_t8_s1, 1, 1, false)
W4A4_GEMV(w4a4_gemv_t8_s2, 1, 2, false)
W4A4_GEMV(w4a4_gemv_t8_s4, 1, 4, false)
W4A4_GEMV(w4a4_gemv_t8_s8, 1, 8, false)
W4A4_GEMV(w4a4_gemv_t16_s1, 2, 1, false)
W4A4_GEMV(w4a4_gemv_t16_s2, 2, 2, false)
W4A4_GEMV(w4a4_gemv_t16_s4, 2, 4, false)
W4A4_GEMV(w4a4_gemv_t16_s8, 2, 8, false)
W4A4_GEMV(w4a4_gemv_t8_s1_g128, 1, 1, true)
W4A4_GEMV(w4a4_gemv_t16_s1_g128, 2, 1, true)
W4A4_GEMV(w4a4_gemv_t8_s4_g128, 1, 4, true)
W4A4_GEMV(w4a4_gemv_t8_s8_g128, 1, 8, true)
W4A4_GEMV(w4a4_gemv_t16_s4_g128, 2, 4, true)
W4A4_GEMV(w4a4_gemv_t16_s8_g128, 2, 8, true)
