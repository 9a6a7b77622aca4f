// What this GPU can do, for `quarot doctor`: a copy that is bound by memory, and INT8 tensor core products that are bound by nothing else.
#include "arithmetic.cuh"

// to = from.  Both [vectors] of 16 bytes.
extern "C" __global__ void probe_copy(const uint4* from, uint4* to, i64 vectors) {
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < vectors; i += (i64)gridDim.x * blockDim.x) to[i] = from[i];
}

// Each warp multiplies m16n8k32 `rounds`·8 times, 8 independent sums at once: 2·16·8·32 operations a product. out [threads] keeps the
// compiler from dropping them.
extern "C" __global__ void probe_mma(int rounds, int* out) {
    const u32 seed = threadIdx.x * 0x01010101u;
    int sum[8][4] = {};
    for (int round = 0; round < rounds; round++)
#pragma unroll
        for (int i = 0; i < 8; i++)
            asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                : "+r"(sum[i][0]), "+r"(sum[i][1]), "+r"(sum[i][2]), "+r"(sum[i][3])
                : "r"(seed), "r"(seed + 1), "r"(seed + 2), "r"(seed + 3), "r"(seed + 4), "r"(seed + 5));
    int total = 0;
    for (int i = 0; i < 8; i++) total += sum[i][0] ^ sum[i][1] ^ sum[i][2] ^ sum[i][3];
    out[blockIdx.x * blockDim.x + threadIdx.x] = total;
}
