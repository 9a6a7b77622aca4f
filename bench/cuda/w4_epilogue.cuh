// What both w4a4 kernels share: the nibble trick, and y = t*sx (+ bias) (+ y) with the roundings of Backend.Gemm.
#pragma once
#include "ptx_sm90.cuh"

// Bits of the `flags` argument of the kernels.
static constexpr int YIsHalf = 1;      // y is FP16, else FP32
static constexpr int Accumulate = 2;   // y += instead of y =

// A weight scale that undoes the factor 16 of `unpack_pair`. Exact for scales of at least 2^-122: only a subnormal would round.
static constexpr float Sixteenth = 0.0625f;

// 8 packed weights -> two registers of 4 INT8 each, 16 times their value: a nibble in the high half of a byte needs no sign extension.
__device__ __forceinline__ void unpack_pair(u32 packed, u32& low, u32& high) {
    low = (packed << 4) & 0xF0F0F0F0u;
    high = packed & 0xF0F0F0F0u;
}

__device__ __forceinline__ unsigned short to_half(float x) {
    unsigned short h;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
    return h;
}

__device__ __forceinline__ float from_half(unsigned short h) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h));
    return x;
}

// One element: t is the sum over the groups, index that of y. Every step rounds on its own, so no contraction into FMA.
__device__ __forceinline__ void finish(void* y, long long index, float t, float sx, const float* bias, int out, int flags) {
    float v = __fmul_rn(t, sx);
    if (bias) v = __fadd_rn(v, bias[out]);
    if (flags & YIsHalf) {
        unsigned short* p = (unsigned short*)y + index;
        *p = to_half(flags & Accumulate ? __fadd_rn(from_half(*p), v) : v);
    } else {
        float* p = (float*)y + index;
        *p = flags & Accumulate ? __fadd_rn(*p, v) : v;
    }
}

// Two neighbours of a row of y, `out` even: one access of 4 (FP16) or 8 bytes.
__device__ __forceinline__ void finish_pair(void* y, long long index, float t0, float t1, float sx, float bias0, float bias1, bool biased, int flags) {
    float v0 = __fmul_rn(t0, sx), v1 = __fmul_rn(t1, sx);
    if (biased) { v0 = __fadd_rn(v0, bias0); v1 = __fadd_rn(v1, bias1); }
    if (flags & YIsHalf) {
        u32* p = (u32*)((unsigned short*)y + index);
        if (flags & Accumulate) {
            const u32 old = *p;
            v0 = __fadd_rn(from_half((unsigned short)old), v0);
            v1 = __fadd_rn(from_half((unsigned short)(old >> 16)), v1);
        }
        *p = (u32)to_half(v0) | (u32)to_half(v1) << 16;
    } else {
        float2* p = (float2*)((float*)y + index);
        if (flags & Accumulate) {
            const float2 old = *p;
            v0 = __fadd_rn(old.x, v0);
            v1 = __fadd_rn(old.y, v1);
        }
        *p = make_float2(v0, v1);
    }
}
