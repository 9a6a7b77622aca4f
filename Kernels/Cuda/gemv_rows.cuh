// How a GEMV makes the codes of its rows for itself, in the shared memory of every CTA: a launch less before each matrix, and done while the first
// weights are still on their way. Worth it for very few rows, since every CTA repeats it. The bits are those of the kernels it replaces.
//
//   source           in                                       instead of
//   kReadyCodes      x s8 [tokens, k], sx [tokens]            (nothing: the codes come from memory)
//   kNormOfRows      x f32 [tokens, k], gain [k] or null      rms_norm_quantize; parameter: eps
//   kHeadsOfRows     x f32 [tokens, heads, k / heads]         hadamard_quantize across heads (8, 16, 32 or 64); parameter: 1/sqrt(heads)
//   kLinesOfRows     x int32 [tokens, k], sx: magnitudes      hadamard_codes (hadamard_decode.cu); parameter: 1/sqrt(k)
#pragma once
#include "fixed_point.cuh"
#include "rms_norm_row.cuh"

enum RowSource { kReadyCodes, kNormOfRows, kHeadsOfRows, kLinesOfRows };

constexpr int kMostTiles = 12;                     // of 16 lines in a Hadamard transform
constexpr int kMagnitudes = 1 + kMostTiles;        // of a row: the largest before the transform, then after it the largest of each tile

// The butterfly over the heads of one column a thread, in registers.
template <int kHeads>
__device__ __forceinline__ void codes_of_heads(const float* x, int width, signed char* codes, float* scale, float root, int highest, float clip) {
    __shared__ u32 slots[2][32];
    const int inner = width / kHeads, column = threadIdx.x;
    float held[kHeads];
    u32 largest = 0, peak = 0;
#pragma unroll
    for (int h = 0; h < kHeads; h++) held[h] = column < inner ? x[h * inner + column] : 0.0f;
#pragma unroll
    for (int h = 0; h < kHeads; h++) largest = max(largest, __float_as_uint(fmaxf(fabsf(held[h]), 0.0f)));
    largest = block_largest(largest, slots[0]);
    const float factor = fixed_point_factor(__uint_as_float(largest));
    int z[kHeads];
#pragma unroll
    for (int h = 0; h < kHeads; h++) z[h] = to_fixed(held[h], factor);
#pragma unroll
    for (int step = 1; step < kHeads; step *= 2)
#pragma unroll
        for (int h = 0; h < kHeads; h++)
            if (!(h & step)) butterfly(z[h], z[h + step]);
#pragma unroll
    for (int h = 0; h < kHeads; h++) peak = max(peak, (u32)abs(z[h]));
    peak = block_largest(peak, slots[1]);
    const Quantizer quantizer(__uint_as_float(largest), (int)peak, clip, highest, root);
    if (threadIdx.x == 0) *scale = quantizer.scale;
    if (column < inner)
#pragma unroll
        for (int h = 0; h < kHeads; h++) codes[h * inner + column] = (signed char)quantizer.code(z[h], highest);
}

// z [width]: transformed; magnitudes [kMagnitudes].
__device__ __forceinline__ Quantizer quantizer_of_lines(const u32* magnitudes, float clip, int highest, float root) {
    const u32 lane = threadIdx.x % 32;
    const u32 peak = __reduce_max_sync(kFullWarp, lane < kMostTiles ? magnitudes[1 + lane] : 0u);
    return Quantizer(__uint_as_float(magnitudes[0]), (int)peak, clip, highest, root);
}

__device__ __forceinline__ char4 codes_of(const Quantizer& quantizer, int4 z, int highest) {
    return make_char4(quantizer.code(z.x, highest), quantizer.code(z.y, highest), quantizer.code(z.z, highest), quantizer.code(z.w, highest));
}

// codes [tokens, k] and scales [tokens], both in shared memory. Every thread of the block calls it and waits for it.
__device__ __forceinline__ void make_codes(int source, const void* x, const void* sx, const float* gain, float parameter, int heads, int tokens, int k,
    int highest, float clip, signed char* codes, float* scales) {
    for (int m = 0; m < tokens; m++) {
        const float* row = (const float*)x + (i64)m * k;
        signed char* to = codes + m * k;
        if (source == kNormOfRows) {
            if (k <= 16 * kRowThreads) norm_and_quantize_row<16>(row, gain, parameter, to, scales + m, k, k, highest, clip);
            else norm_and_quantize_row<32>(row, gain, parameter, to, scales + m, k, k, highest, clip);
        } else if (source == kHeadsOfRows) {
            if (heads == 8) codes_of_heads<8>(row, k, to, scales + m, parameter, highest, clip);
            else if (heads == 16) codes_of_heads<16>(row, k, to, scales + m, parameter, highest, clip);
            else if (heads == 32) codes_of_heads<32>(row, k, to, scales + m, parameter, highest, clip);
            else codes_of_heads<64>(row, k, to, scales + m, parameter, highest, clip);
        } else {
            const Quantizer quantizer = quantizer_of_lines((const u32*)sx + m * kMagnitudes, clip, highest, parameter);
            if (threadIdx.x == 0) scales[m] = quantizer.scale;
            const int4* z = (const int4*)((const int*)x + (i64)m * k);
#pragma unroll 4
            for (int i = threadIdx.x; i < k / 4; i += kRowThreads) ((char4*)to)[i] = codes_of(quantizer, z[i], highest);
        }
        __syncthreads();
    }
}
