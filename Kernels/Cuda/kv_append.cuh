// How a head of K or V becomes codes of 3 to 8 bits (Backend.AppendPagedKvCache).
#pragma once
#include "kv_cache.cuh"
#include "softmax.cuh"

__device__ __forceinline__ float clamp_half(float value) { return fminf(fmaxf(value, -65504.0f), 65504.0f); }

// Minimum and 1/scale, as they are stored and widened again.
struct HeadSteps {
    float min, inverse, highest_code;
    u16 scale_bits, min_bits;

    __device__ __forceinline__ u32 code(float x) const {
        return (u32)fminf(fmaxf(rintf(__fmul_rn(__fsub_rn(x, min), inverse)), 0.0f), highest_code);
    }
};

// scale = FP16((clip·max - clip·min)/(2^bits - 1)), min = FP16(clip·min); a scale of 0 becomes 1, with the unclipped minimum.
// lowest, highest: of the elements that this lane knows; all 32 lanes call it with theirs.
__device__ __forceinline__ HeadSteps head_steps(float lowest, float highest, int bits, float clip) {
    highest = warp_max(highest);

    // -0 becomes +0: which of the two a minimum finds is not fixed.
    lowest = __fadd_rn(-warp_max(-lowest), 0.0f);
    HeadSteps steps;
    steps.highest_code = (float)((1 << bits) - 1);
    const float clipped = __fmul_rn(clip, lowest);
    steps.scale_bits = float_to_half(fminf(__fdiv_rn(__fsub_rn(__fmul_rn(clip, highest), clipped), steps.highest_code), 65504.0f));
    const bool is_zero = (steps.scale_bits & 0x7fff) == 0;
    steps.min_bits = float_to_half(clamp_half(is_zero ? lowest : clipped));
    if (is_zero) steps.scale_bits = 0x3c00;
    steps.min = half_to_float(steps.min_bits);
    steps.inverse = __fdiv_rn(1.0f, half_to_float(steps.scale_bits));
    return steps;
}

// One lane stores both.
__device__ __forceinline__ void store_steps(const HeadSteps& steps, u8* plane, int head_bytes, int kv_heads, int head, int slot) {
    u16* scales = scale_of(plane, head_bytes, kv_heads, head, slot);
    scales[0] = steps.scale_bits;
    scales[kv_heads * kPageSize] = steps.min_bits;
}
