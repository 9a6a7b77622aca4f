// What all w4a4 kernels share: the nibble trick, and how they end: y = t·sx (+ bias), stored, added to y, or passed on through silu_and_mul;
// with the roundings of Backend.Gemm and Backend.SiluAndMul.
#pragma once
#include "arithmetic.cuh"

// The `flags` argument of the kernels; 0 stores.
constexpr int kAccumulate = 1;   // y += instead of y =
constexpr int kSiluAndMul = 2;   // channels 2i and 2i + 1 are gate and up of element i: y [tokens, out / 2] = silu(gate)·up

// A weight scale that undoes the factor 16 of `unpack_pair`. Exact for scales of at least 2^-122: only a subnormal would round.
constexpr float kSixteenth = 0.0625f;

// 8 packed weights -> two registers of 4 INT8 each, 16 times their value: a nibble in the high half of a byte needs no sign extension.
__device__ __forceinline__ void unpack_pair(u32 packed, u32& low, u32& high) {
    low = (packed << 4) & 0xF0F0F0F0u;
    high = packed & 0xF0F0F0F0u;
}

// What is added to two neighbouring channels of token m. Loaded for many pairs at once, so that they wait for memory together.
__device__ __forceinline__ float2 old_pair(const float* y, i64 m, int o, int out, int flags) {
    return flags & kAccumulate ? *(const float2*)(y + m * out + o) : make_float2(0.0f, 0.0f);
}

// The bias of channels o and o + 1, o even. Loaded early, once for all tokens: at the end of a product its latency would show.
struct Bias {
    float2 pair;
    bool exists;
    __device__ __forceinline__ Bias(const float* bias, int o, int out) : exists(bias != nullptr) {
        pair = bias && o < out ? __ldg((const float2*)(bias + o)) : make_float2(0.0f, 0.0f);
    }
};

// Two neighbouring channels of token m, o even: v0 and v1 are their values with bias, `old` what `old_pair` gave.
__device__ __forceinline__ void store_pair(float* y, i64 m, int o, int out, float v0, float v1, int flags, float2 old) {
    if (flags & kSiluAndMul) {
        y[m * (out / 2) + o / 2] = silu_and_mul_of(v0, v1);
        return;
    }
    float2* p = (float2*)(y + m * out + o);
    if (flags & kAccumulate) {
        v0 = __fadd_rn(old.x, v0);
        v1 = __fadd_rn(old.y, v1);
    }
    *p = make_float2(v0, v1);
}

// t0 and t1 are the sums of the two channels over the groups.
__device__ __forceinline__ void finish_pair(float* y, i64 m, int o, int out, float t0, float t1, float sx, const Bias& bias, int flags, float2 old) {
    float v0 = __fmul_rn(t0, sx), v1 = __fmul_rn(t1, sx);
    if (bias.exists) {
        v0 = __fadd_rn(v0, bias.pair.x);
        v1 = __fadd_rn(v1, bias.pair.y);
    }
    store_pair(y, m, o, out, v0, v1, flags, old);
}

__device__ __forceinline__ void finish_pair(float* y, i64 m, int o, int out, float t0, float t1, float sx, const Bias& bias, int flags) {
    finish_pair(y, m, o, out, t0, t1, sx, bias, flags, old_pair(y, m, o, out, flags));
}
