// rms_norm of one row by a block of 256 threads, and its codes: for the kernels of rows.cu and for GEMVs that make their own codes.
#pragma once
#include "arithmetic.cuh"

constexpr int kRowThreads = 256;  // the lanes of rms_norm's sum

// rms_norm to the 256-lane sum: thread = lane. A row of up to kHeld * 256 elements is read once and stays in registers; a longer one is read
// again (from L2) by whoever needs it.
//
//   row  | thread 0..255 | thread 0..255 | ...      neighbouring threads read neighbouring columns, every thread adds its own ascending
template <int kHeld>
struct Row {
    const float* from;
    const float* gain;
    int width;
    float held[kHeld > 0 ? kHeld : 1];

    __device__ __forceinline__ void load() {
#pragma unroll
        for (int j = 0; j < kHeld; j++) held[j] = threadIdx.x + j * kRowThreads < width ? from[threadIdx.x + j * kRowThreads] : 0.0f;
    }

    // Calls body(element, its column): of all columns below `end`; those past the row are zeros.
    template <typename Body>
    __device__ __forceinline__ void each(int end, Body body) {
        if (kHeld > 0) {
#pragma unroll
            for (int j = 0; j < kHeld; j++)
                if ((int)threadIdx.x + j * kRowThreads < end) body(held[j], (int)threadIdx.x + j * kRowThreads);
        } else {
            for (int i = threadIdx.x; i < end; i += kRowThreads) body(i < width ? from[i] : 0.0f, i);
        }
    }

    // 1/sqrt(mean of squares + eps). Every warp folds all 256 lanes, so that one barrier is enough.
    __device__ __forceinline__ float inverse(float* lanes, float eps) {
        float sum = 0.0f;
        each(width, [&](float x, int) { sum = __fmaf_rn(x, x, sum); });
        lanes[threadIdx.x] = sum;
        __syncthreads();
        const float* l = lanes + threadIdx.x % 32;
        // Halves 128, 64 and 32 apart, then within the warp.
        const float even = __fadd_rn(__fadd_rn(l[0], l[128]), __fadd_rn(l[64], l[192]));
        const float odd = __fadd_rn(__fadd_rn(l[32], l[160]), __fadd_rn(l[96], l[224]));
        sum = __fadd_rn(even, odd);
#pragma unroll
        for (int step = 16; step > 0; step /= 2) sum = __fadd_rn(sum, __shfl_xor_sync(kFullWarp, sum, step));
        return __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(__fdiv_rn(sum, (float)width), eps)));
    }

    __device__ __forceinline__ float normal(float x, int column, float inverse) const {
        const float value = __fmul_rn(x, inverse);
        return gain && column < width ? __fmul_rn(value, gain[column]) : value;
    }
};

// x [width], gain [width] or null, codes [stride] in global or shared memory, scale [1].
template <int kHeld>
__device__ __forceinline__ void norm_and_quantize_row(const float* x, const float* gain, float eps, signed char* codes, float* scale_of_row, int width,
    int stride, int highest, float clip) {
    __shared__ float lanes[kRowThreads];
    __shared__ float largest_of_warp[kRowThreads / 32];
    Row<kHeld> row = {x, gain, width};
    row.load();
    const float inverse_norm = row.inverse(lanes, eps);
    float largest = 0.0f;
    if (kHeld > 0) {
#pragma unroll
        for (int j = 0; j < kHeld; j++) {
            row.held[j] = row.normal(row.held[j], threadIdx.x + j * kRowThreads, inverse_norm);
            largest = fmaxf(largest, fabsf(row.held[j]));
        }
    } else {
        row.each(width, [&](float value, int column) { largest = fmaxf(largest, fabsf(row.normal(value, column, inverse_norm))); });
    }
    for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, step));
    if (threadIdx.x % 32 == 0) largest_of_warp[threadIdx.x / 32] = largest;
    __syncthreads();
    for (int i = 0; i < kRowThreads / 32; i++) largest = fmaxf(largest, largest_of_warp[i]);
    float scale = __fdiv_rn(__fmul_rn(clip, largest), (float)highest);
    scale = scale < 1e-30f ? 1.0f : scale;
    const float inverse = __fdiv_rn(1.0f, scale);
    if (threadIdx.x == 0) *scale_of_row = scale;
    row.each(stride, [&](float value, int column) {
        if (kHeld == 0) value = row.normal(value, column, inverse_norm);
        codes[column] = (signed char)(int)fminf(fmaxf(rintf(__fmul_rn(value, inverse)), (float)(-highest - 1)), (float)highest);
    });
}

__device__ __forceinline__ void norm_and_quantize(const float* x, const float* gain, float eps, signed char* codes, float* scale, int width, int stride,
    int highest, float clip) {
    if (stride <= 16 * kRowThreads) norm_and_quantize_row<16>(x, gain, eps, codes, scale, width, stride, highest, clip);
    else if (stride <= 32 * kRowThreads) norm_and_quantize_row<32>(x, gain, eps, codes, scale, width, stride, highest, clip);
    else norm_and_quantize_row<0>(x, gain, eps, codes, scale, width, stride, highest, clip);
}
