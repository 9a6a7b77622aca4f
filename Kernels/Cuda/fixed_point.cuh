// What the hadamard_quantize kernels share: a row as 16-bit fixed point numbers, and its codes and scale from the exact integer transform.
#pragma once
#include "arithmetic.cuh"

constexpr int kFractionBits = 14;  // of a fixed point number whose largest neighbour is in [1, 2)
constexpr int kLargestFixed = 32767;
constexpr float kSmallestScale = 1e-30f;

__device__ __forceinline__ float clamped_power_of_two(int exponent) { return power_of_two(min(max(exponent, -126), 127)); }
__device__ __forceinline__ int exponent_of(float largest) { return (int)(__float_as_uint(largest) >> 23) - 127; }

// 2^(14-k), k the exponent of the row's largest magnitude; 0, which makes every number 0, for a row that counts as zero.
__device__ __forceinline__ float fixed_point_factor(float largest) {
    return largest < kSmallestScale ? 0.0f : clamped_power_of_two(kFractionBits - exponent_of(largest));
}

__device__ __forceinline__ int to_fixed(float x, float factor) {
    return min(max(__float2int_rn(__fmul_rn(x, factor)), -kLargestFixed), kLargestFixed);
}

// How a transformed row becomes codes: code = clamp(rint((float)z * inverse)). inverse 0 for a row that counts as zero.
struct Quantizer {
    float inverse, scale;

    // largest: of the row before the transform; peak: max |z| after it; root: 1/sqrt(size).
    __device__ __forceinline__ Quantizer(float largest, int peak, float clip, int highest, float root) {
        const float step = __fdiv_rn(__fmul_rn(clip, (float)peak), (float)highest);
        scale = __fmul_rn(step, __fmul_rn(root, clamped_power_of_two(exponent_of(largest) - kFractionBits)));
        const bool zero = peak == 0 || largest < kSmallestScale || scale < kSmallestScale;
        inverse = zero ? 0.0f : __fdiv_rn(1.0f, step);
        scale = zero ? 1.0f : scale;
    }

    // In the low byte of the result; clamped before it is rounded, which is the same for whole limits.
    __device__ __forceinline__ u32 code(int z, int highest) const {
        return __float_as_uint(__fadd_rn(fminf(fmaxf(__fmul_rn((float)z, inverse), (float)(-highest - 1)), (float)highest), kShift));
    }
};

// The largest of all threads' values, for every thread. slots [32]; the block must not have used them since the last barrier.
__device__ __forceinline__ u32 block_largest(u32 value, u32* slots) {
    value = __reduce_max_sync(kFullWarp, value);
    if (threadIdx.x % 32 == 0) slots[threadIdx.x / 32] = value;
    __syncthreads();
    const u32 lane = threadIdx.x % 32;
    return __reduce_max_sync(kFullWarp, lane < blockDim.x / 32 ? slots[lane] : 0u);
}

// A row's numbers in fixed point plus kShiftBits, which leaves the low 16 bits alone, and its largest magnitude, for every thread of the block.
// slots: as for block_largest.
template <int kCount>
__device__ __forceinline__ float row_to_fixed(const float (&x)[kCount], int (&t)[kCount], u32 (&slots)[2][32]) {
    float mine = 0.0f;
#pragma unroll
    for (int s = 0; s < kCount; s++) mine = max_or_nan(mine, fabsf(x[s]));
    u32 largest = block_largest(__float_as_uint(mine), slots[0]);
    float factor = fixed_point_factor(__uint_as_float(largest));
    if (largest < 0x7f800000u && __fmul_rn(__uint_as_float(largest), factor) < kLargestFixed + 0.5f) {
        // Nothing to clamp, all finite: the integer ends in the low bits of a sum. The product is exact but for numbers that round to 0.
#pragma unroll
        for (int s = 0; s < kCount; s++) t[s] = __float_as_int(__fmaf_rn(x[s], factor, kShift));
        return __uint_as_float(largest);
    }
    largest = 0;
#pragma unroll
    for (int s = 0; s < kCount; s++) largest = max(largest, __float_as_uint(fmaxf(fabsf(x[s]), 0.0f)));
    largest = block_largest(largest, slots[1]);
    factor = fixed_point_factor(__uint_as_float(largest));
#pragma unroll
    for (int s = 0; s < kCount; s++) t[s] = to_fixed(x[s], factor) + kShiftBits;
    return __uint_as_float(largest);
}

// u + v and u - v.
__device__ __forceinline__ void butterfly(int& u, int& v) {
    const int sum = u + v;
    v = u - v;
    u = sum;
}

// A butterfly of numbers that lie in lanes `step` apart.
__device__ __forceinline__ int lane_butterfly(int value, int step) {
    const int other = __shfl_xor_sync(kFullWarp, value, step);
    return other + (threadIdx.x & step ? -value : value);
}
