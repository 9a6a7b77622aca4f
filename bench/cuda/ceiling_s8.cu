// The rate of the INT8 tensor core alone: two warpgroups of an SM issue m64n256k32 (A from registers, B in shared memory, random codes) and
// nothing else. What w4a4_gemm_sm90 cannot pass at this GPU's power limit.
//   seed: any;   sums: s32 [gridDim.x], so that nothing is optimised away.   256 threads, shared memory 33,792 bytes
#include "../../Kernels/Cuda/wgmma_s8.cuh"

extern "C" __global__ void __launch_bounds__(256, 1) ceiling_s8(u32 seed, int rounds, int* sums) {
    extern __shared__ unsigned char dynamic_memory[];
    const u32 memory = (smem_address(dynamic_memory) + 1023) & ~1023u;
    u32 state = seed + blockIdx.x * 7919 + threadIdx.x * 104729 + 1;
    u32 a[16];
    int acc[128] = {};
    for (int i = threadIdx.x; i < 8192; i += 256) {
        state = state * 1664525u + 1013904223u;
        const u32 v = state >> 3 ^ state << 11, codes = ((v & 0x0F0F0F0Fu) ^ 0x08080808u) + 0x78787878u ^ 0x80808080u;   // -8..7
        asm volatile("st.shared.u32 [%0], %1;" ::"r"(memory + 4 * i), "r"(codes));
    }
    for (int i = 0; i < 16; i++) {
        state = state * 1664525u + 1013904223u;
        a[i] = (state >> 3 ^ state << 11) & 0xF0F0F0F0u;
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    const u64 b = swizzled_tile(memory);
    for (int r = 0; r < rounds; r++) {
        wgmma_fence();
#pragma unroll
        for (int j = 0; j < 4; j++) wgmma_s8(acc, a + 4 * j, b + 2 * j, 1);
        wgmma_commit();
        wgmma_wait<0>();
    }
    int sum = 0;
#pragma unroll
    for (int i = 0; i < 128; i++) {
        asm volatile("" : "+r"(acc[i])::"memory");
        sum += acc[i];
    }
    if (sum == 0x12345678) sums[blockIdx.x] = sum;
}
