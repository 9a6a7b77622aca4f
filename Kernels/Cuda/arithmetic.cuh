// The arithmetic that Kernels/Backends/Backend.cs fixes, with every rounding explicit. Compile with -fmad=false and without flush to zero:
// then these and the plain operators round exactly where the reference in Kernels/Reference does.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef long long i64;

constexpr u32 kFullWarp = 0xffffffffu;
constexpr int kLanes = 16;     // lanes of a float sum
constexpr int kPageSize = 64;  // positions of a KV page, the tile of attention

__device__ __forceinline__ int round_up(int value, int unit) { return (value + unit - 1) / unit * unit; }

// Adds lanes i and i+8, i+4, i+2, i+1 of each half-warp; every lane gets the sum. All 32 lanes must call it.
__device__ __forceinline__ float fold_lanes(float value) {
#pragma unroll
    for (int step = kLanes / 2; step > 0; step /= 2) value = __fadd_rn(value, __shfl_xor_sync(kFullWarp, value, step));
    return value;
}

// FP16 as bits: cuda_fp16.h would tie the compilation to an installed toolkit.
__device__ __forceinline__ float half_to_float(u16 bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}

__device__ __forceinline__ u16 float_to_half(float value) {
    u16 bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

__device__ __forceinline__ float power_of_two(int exponent) { return __int_as_float((exponent + 127) << 23); }

// 1.5·2^23: a float this large has steps of 1, so adding it rounds to an integer (half to even), which then stands in the low bits.
constexpr float kShift = 12582912.0f;
constexpr int kShiftBits = 0x4b400000;

// FloatMath.Exp's p and n (n + kShift), the same constants, the same order: e^x = p·2^n, |x| at most 104.
__device__ __forceinline__ float exp_mantissa(float x, float& shifted) {
    shifted = __fadd_rn(__fmul_rn(x, 1.44269504f), kShift);
    const float n = __fsub_rn(shifted, kShift);
    float r = __fmaf_rn(n, -0.693147182f, x);
    r = __fmaf_rn(n, 1.90465421e-9f, r);
    float p = __fmaf_rn(0.00139261759f, r, 0.00836317334f);
    p = __fmaf_rn(p, r, 0.0416665561f);
    p = __fmaf_rn(p, r, 0.166665778f);
    p = __fmaf_rn(p, r, 0.5f);
    return __fadd_rn(__fmaf_rn(p, __fmul_rn(r, r), r), 1.0f);
}

// FloatMath.Exp.
__device__ __forceinline__ float exact_exp(float x) {
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    float shifted;
    const float p = exp_mantissa(x, shifted);
    const int exponent = (int)__fsub_rn(shifted, kShift);
    const int half = exponent >> 1;
    return __fmul_rn(__fmul_rn(p, power_of_two(half)), power_of_two(exponent - half));
}

// exact_exp with fewer instructions where the result is a normal number, |x| <= kNormalExp: 2^n is an addition to the exponent.
constexpr float kNormalExp = 86.0f;

__device__ __forceinline__ float exp_of_moderate(float x) {
    float shifted;
    const float p = exp_mantissa(x, shifted);
    return __uint_as_float(__float_as_uint(p) + (__float_as_uint(shifted) << 23));
}

// Backend.SiluAndMul of one element.
__device__ __forceinline__ float silu_and_mul_of(float gate, float up) {
    return __fmul_rn(__fdiv_rn(gate, __fadd_rn(1.0f, exact_exp(-gate))), up);
}

// The same bits without a branch, |gate| <= kNormalExp: a quotient from an approximate reciprocal, its exact rest added twice. Below 2^-60 the rest
// would not be exact, but there the exponential is 1.
__device__ __forceinline__ float silu_and_mul_of_moderate(float gate, float up) {
    const float divisor = __fadd_rn(1.0f, exp_of_moderate(-gate));
    float reciprocal;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(reciprocal) : "f"(divisor));
    reciprocal = __fmaf_rn(reciprocal, __fmaf_rn(-divisor, reciprocal, 1.0f), reciprocal);
    float quotient = __fmul_rn(gate, reciprocal);
    quotient = __fmaf_rn(reciprocal, __fmaf_rn(-divisor, quotient, gate), quotient);
    quotient = __fmaf_rn(reciprocal, __fmaf_rn(-divisor, quotient, gate), quotient);
    return __fmul_rn(fabsf(gate) < 0x1p-60f ? __fmul_rn(gate, 0.5f) : quotient, up);
}

// The larger one; NaN where one is (fmaxf gives the other).
__device__ __forceinline__ float max_or_nan(float a, float b) {
    float result;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
    return result;
}

#define kLowest __int_as_float(0xff800000)  // minus infinity

// sum + the four products of signed bytes.
__device__ __forceinline__ int dot4(u32 a, u32 b, int sum) {
    int result;
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

// How a GEMM ends: value (+ bias) (+ what y holds), each rounded.
__device__ __forceinline__ void store_output(float* y, i64 at, float value, const float* bias, int channel, int accumulate) {
    if (bias) value = __fadd_rn(value, bias[channel]);
    y[at] = accumulate ? __fadd_rn(y[at], value) : value;
}
