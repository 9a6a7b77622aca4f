// What flash_prefill, flash_decode and the plain kernel share: the exact exponential of a number that is not positive, the states that are
// merged, and bytes in and out of words. Formulas: Kernels/Backends/Backend.cs, Attention.
#pragma once
#include "arithmetic.cuh"

constexpr int kSpanTiles = 8;  // tiles of a span

// An int32 sum that starts from kShift's bits becomes a float by one subtraction, exact below 2^22 in magnitude.
__device__ __forceinline__ float exact_sum(int shifted) { return __fsub_rn(__int_as_float(shifted), kShift); }

// exact_exp for x <= 0, minus infinity included, with fewer instructions and the same bits: p·2^(n/2) is an addition to the exponent.
__device__ __forceinline__ float exp_of_negative(float x) {
    float shifted;
    const float p = exp_mantissa(fmaxf(x, -104.0f), shifted);
    const int n = __float_as_int(shifted) - kShiftBits, half = n >> 1;
    return __fmul_rn(__int_as_float(__float_as_int(p) + (half << 23)), power_of_two(n - half));
}

// rint(w·inverse) in the low byte: the 8-bit weight of a position. It cannot pass 255, because w is at most 255/inverse but for three roundings.
__device__ __forceinline__ u32 weight_code(float w, float inverse) { return __float_as_uint(__fadd_rn(__fmul_rn(w, inverse), kShift)); }

// The step g of a tile's weights, from the largest.
__device__ __forceinline__ float weight_step(float largest) {
    // largest / 255 in fewer instructions: a product, corrected by its exact rest. Rounded alike for every float of a binade (tried).
    constexpr float kReciprocal = 1.0f / 255.0f;
    const float product = __fmul_rn(largest, kReciprocal);
    const float step = __fmaf_rn(__fmaf_rn(product, -255.0f, largest), kReciprocal, product);
    return step < 1e-30f ? 1.0f : step;
}

// The largest x of a warp: floats as integers of the same order. Of -0 and +0 it finds +0.
__device__ __forceinline__ float warp_max(float x) {
    const int bits = __float_as_int(x), largest = __reduce_max_sync(kFullWarp, bits ^ ((bits >> 31) & 0x7fffffff));
    return __int_as_float(largest ^ ((largest >> 31) & 0x7fffffff));
}

// How a state (m, l, o) takes up the next one: o = fma(o, keep, o'·take). One of the two is exp(0), which is 1.
struct Merge {
    float m, keep, take;
};

__device__ __forceinline__ Merge merge_of(float m, float next) {
    const float difference = __fsub_rn(m, next), smaller = exp_of_negative(-fabsf(difference));
    const bool is_kept = difference >= 0.0f;
    return {fmaxf(m, next), is_kept ? 1.0f : smaller, is_kept ? smaller : 1.0f};
}

__device__ __forceinline__ float merged(float x, float next, float keep, float take) { return __fmaf_rn(x, keep, __fmul_rn(next, take)); }

// y[b] = byte b of x[0], x[1], x[2], x[3].
__device__ __forceinline__ void transpose_bytes(const u32 (&x)[4], u32 (&y)[4]) {
    const u32 a = __byte_perm(x[0], x[1], 0x5140), b = __byte_perm(x[2], x[3], 0x5140);
    const u32 c = __byte_perm(x[0], x[1], 0x7362), d = __byte_perm(x[2], x[3], 0x7362);
    y[0] = __byte_perm(a, b, 0x5410);
    y[1] = __byte_perm(a, b, 0x7632);
    y[2] = __byte_perm(c, d, 0x5410);
    y[3] = __byte_perm(c, d, 0x7632);
}

__device__ __forceinline__ u32 low_nibbles(u32 x) { return x & 0x0f0f0f0fu; }
__device__ __forceinline__ u32 high_nibbles(u32 x) { return (x >> 4) & 0x0f0f0f0fu; }

// Bytes 0, 2, 4, 6 and 1, 3, 5, 7 of eight: how codes of q meet the low and the high nibbles of a word of K.
__device__ __forceinline__ u32 even_bytes(uint2 x) { return __byte_perm(x.x, x.y, 0x6420); }
__device__ __forceinline__ u32 odd_bytes(uint2 x) { return __byte_perm(x.x, x.y, 0x7531); }
