// Ops that treat each row on its own, one block a row: embed_tokens, gather_rows, rms_norm, quantize_per_token, and their relatives.
// Bound by memory; at one row by latency.
#include "ptx.cuh"

constexpr int kNormLanes = 256;  // lanes of the sum of rms_norm, and threads of its block

// embed_tokens: x[row] = table[ids[row]].  table [vocab, pitch] FP16 or FP32 (pitch in elements), ids [rows], x [rows, width].
extern "C" __global__ void embed_tokens(const void* table, int is_half, int pitch, const int* ids, float* x, int width) {
    const i64 from = (i64)ids[blockIdx.x] * pitch;
    float* to = x + (i64)blockIdx.x * width;
    for (int i = threadIdx.x; i < width; i += blockDim.x)
        to[i] = is_half ? half_to_float(((const u16*)table)[from + i]) : ((const float*)table)[from + i];
}

// y[row] = x[rows[row]].  x [any, width], y [rows, width].
extern "C" __global__ void gather_rows(const float* x, const int* rows, float* y, int width) {
    const float* from = x + (i64)rows[blockIdx.x] * width;
    float* to = y + (i64)blockIdx.x * width;
    for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
}

// The 256-lane sum of a block's squares: thread = lane. Lanes i and i+128, i+64, i+32 meet through shared memory, the rest by shuffles; all threads get it.
__device__ __forceinline__ float fold_block(float lane_sum) {
    __shared__ float lanes[kNormLanes];
    lanes[threadIdx.x] = lane_sum;
    __syncthreads();
    float part[8];
#pragma unroll
    for (int i = 0; i < 8; i++) part[i] = lanes[threadIdx.x % 32 + 32 * i];
#pragma unroll
    for (int half = 4; half > 0; half /= 2)
#pragma unroll
        for (int i = 0; i < half; i++) part[i] = __fadd_rn(part[i], part[i + half]);
#pragma unroll
    for (int step = 16; step > 0; step /= 2) part[0] = __fadd_rn(part[0], __shfl_xor_sync(kFullWarp, part[0], step));
    return part[0];
}

// The largest value of a block of 256.
__device__ __forceinline__ float max_of_block(float value) {
    __shared__ float largest_of_warp[8];
    for (int step = 16; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(kFullWarp, value, step));
    if (threadIdx.x % 32 == 0) largest_of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    for (int i = 0; i < 8; i++) value = fmaxf(value, largest_of_warp[i]);
    return value;
}

__device__ __forceinline__ float inverse_norm(float sum, int width, float eps) {
    return __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(__fdiv_rn(sum, (float)width), eps)));
}

// rms_norm: y = (x·(1/√(mean(x²) + eps)))·gain.  x, y [rows, width], may be the same; gain [width] or null. 256 threads.
extern "C" __global__ void __launch_bounds__(kNormLanes) rms_norm(const float* x, const float* gain, float eps, float* y, int width) {
    const float* from = x + (i64)blockIdx.x * width;
    float* to = y + (i64)blockIdx.x * width;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < width; i += kNormLanes) sum = __fmaf_rn(from[i], from[i], sum);
    const float inverse = inverse_norm(fold_block(sum), width, eps);
    for (int i = threadIdx.x; i < width; i += kNormLanes) {
        const float normal = __fmul_rn(from[i], inverse);
        to[i] = gain ? __fmul_rn(normal, gain[i]) : normal;
    }
}

// rms_norm, then quantize_per_token, without the floats between. x [rows, width]; codes [rows, stride], the padding zeros; scales [rows]. The first
// 8192 elements of a row stay in registers. One block of 256 threads a row: at decode bound by three barriers, at prefill by memory.
extern "C" __global__ void __launch_bounds__(kNormLanes) rms_norm_quantize(
    const float* x, const float* gain, float eps, signed char* codes, float* scales, int width, int stride, int highest, float clip) {
    constexpr int kKept = 32;
    grid_wait();
    grid_release();
    const float* from = x + (i64)blockIdx.x * width;
    float kept[kKept], sum = 0.0f;
#pragma unroll
    for (int i = 0; i < kKept; i++) {
        const int at = threadIdx.x + kNormLanes * i;
        kept[i] = at < width ? from[at] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < kKept; i++) sum = __fmaf_rn(kept[i], kept[i], sum);
    for (int at = threadIdx.x + kNormLanes * kKept; at < width; at += kNormLanes) sum = __fmaf_rn(from[at], from[at], sum);
    const float inverse = inverse_norm(fold_block(sum), width, eps);
    const auto normal = [&](float value, int at) {
        const float scaled = __fmul_rn(value, inverse);
        return gain && at < width ? __fmul_rn(scaled, gain[at]) : scaled;
    };
    float largest = 0.0f;
#pragma unroll
    for (int i = 0; i < kKept; i++) {
        kept[i] = normal(kept[i], threadIdx.x + kNormLanes * i);
        largest = fmaxf(largest, fabsf(kept[i]));
    }
    for (int at = threadIdx.x + kNormLanes * kKept; at < width; at += kNormLanes) largest = fmaxf(largest, fabsf(normal(from[at], at)));
    largest = max_of_block(largest);
    float scale = __fdiv_rn(__fmul_rn(clip, largest), (float)highest);
    scale = scale < kSmallestScale ? 1.0f : scale;
    const float by = __fdiv_rn(1.0f, scale);
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
    signed char* to = codes + (i64)blockIdx.x * stride;
#pragma unroll
    for (int i = 0; i < kKept; i++) {
        const int at = threadIdx.x + kNormLanes * i;
        if (at < stride) to[at] = code_of_value(kept[i], by, highest);
    }
    for (int at = threadIdx.x + kNormLanes * kKept; at < stride; at += kNormLanes)
        to[at] = at < width ? code_of_value(normal(from[at], at), by, highest) : 0;
}

// quantize_per_token: scale = clip·max|x|/highest, code = clamp(rint(x·(1/scale)), -highest - 1, highest).
// x [rows, width]; codes [rows, stride] int8, padded with zeros; scales [rows]. A scale below 1e-30 becomes 1. 256 threads.
extern "C" __global__ void quantize_per_token(const float* x, signed char* codes, float* scales, int width, int stride, int highest, float clip) {
    const float* from = x + (i64)blockIdx.x * width;
    float largest = 0.0f;
    for (int i = threadIdx.x; i < width; i += blockDim.x) largest = fmaxf(largest, fabsf(from[i]));
    largest = max_of_block(largest);
    float scale = __fdiv_rn(__fmul_rn(clip, largest), (float)highest);
    scale = scale < kSmallestScale ? 1.0f : scale;
    const float inverse = __fdiv_rn(1.0f, scale);
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
    char4* to = (char4*)(codes + (i64)blockIdx.x * stride);
    for (int i = threadIdx.x; i < stride / 4; i += blockDim.x) {
        signed char code[4];
#pragma unroll
        for (int j = 0; j < 4; j++) code[j] = code_of_value(4 * i + j < width ? from[4 * i + j] : 0.0f, inverse, highest);
        to[i] = make_char4(code[0], code[1], code[2], code[3]);
    }
}

// Activations of 16 bits: a copy, padded with zeros.  x [rows, width], y [rows, stride].
extern "C" __global__ void pad_rows(const float* x, float* y, int width, int stride) {
    for (int i = threadIdx.x; i < stride; i += blockDim.x)
        y[(i64)blockIdx.x * stride + i] = i < width ? x[(i64)blockIdx.x * width + i] : 0.0f;
}

// (float)code·scale, for GEMMs whose weights are floats.  codes, y [rows, stride]; scales [rows].
extern "C" __global__ void dequantize_rows(const signed char* codes, const float* scales, float* y, int stride) {
    const i64 row = (i64)blockIdx.x * stride;
    for (int i = threadIdx.x; i < stride; i += blockDim.x) y[row + i] = __fmul_rn((float)codes[row + i], scales[blockIdx.x]);
}
