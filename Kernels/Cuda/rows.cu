// Ops that treat each row on its own, one block a row: embed_tokens, gather_rows, rms_norm, quantize_per_token, and their relatives.
// Bound by memory; at one row by the latency of the 16 chains that the 16-lane sum of rms_norm consists of.
#include "arithmetic.cuh"

constexpr int kChunk = 2048;  // floats of a row staged at a time: 8 KB of shared memory, and a multiple of the 16 lanes

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

// rms_norm: y = (x·(1/√(mean(x²) + eps)))·gain.  x, y [rows, width], may be the same; gain [width] or null.
// All threads stage a chunk, the first warp sums it (both halves the same sum), all threads scale.
extern "C" __global__ void rms_norm(const float* x, const float* gain, float eps, float* y, int width) {
    __shared__ float chunk[kChunk];
    __shared__ float inverse;
    const float* from = x + (i64)blockIdx.x * width;
    float* to = y + (i64)blockIdx.x * width;
    float sum = 0.0f;
    for (int start = 0; start < width; start += kChunk) {
        const int count = round_up(min(kChunk, width - start), kLanes);
        for (int i = threadIdx.x; i < count; i += blockDim.x) chunk[i] = start + i < width ? from[start + i] : 0.0f;
        __syncthreads();
        if (threadIdx.x < 32) {
#pragma unroll 8
            for (int i = threadIdx.x % kLanes; i < count; i += kLanes) sum = __fmaf_rn(chunk[i], chunk[i], sum);
        }
        __syncthreads();
    }
    if (threadIdx.x < 32) {
        sum = fold_lanes(sum);
        if (threadIdx.x == 0) inverse = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(__fdiv_rn(sum, (float)width), eps)));
    }
    __syncthreads();
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
        const float normal = __fmul_rn(from[i], inverse);
        to[i] = gain ? __fmul_rn(normal, gain[i]) : normal;
    }
}

// quantize_per_token: scale = clip·max|x|/highest, code = clamp(rint(x·(1/scale)), -highest - 1, highest).
// x [rows, width]; codes [rows, stride] int8, padded with zeros; scales [rows]. A scale below 1e-30 becomes 1. 256 threads.
extern "C" __global__ void quantize_per_token(const float* x, signed char* codes, float* scales, int width, int stride, int highest, float clip) {
    __shared__ float largest_of_warp[8];
    const float* from = x + (i64)blockIdx.x * width;
    float largest = 0.0f;
    for (int i = threadIdx.x; i < width; i += blockDim.x) largest = fmaxf(largest, fabsf(from[i]));
    for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, step));
    if (threadIdx.x % 32 == 0) largest_of_warp[threadIdx.x / 32] = largest;
    __syncthreads();
    for (int i = 0; i < 8; i++) largest = fmaxf(largest, largest_of_warp[i]);
    float scale = __fdiv_rn(__fmul_rn(clip, largest), (float)highest);
    scale = scale < 1e-30f ? 1.0f : scale;
    const float inverse = __fdiv_rn(1.0f, scale);
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
    char4* to = (char4*)(codes + (i64)blockIdx.x * stride);
    for (int i = threadIdx.x; i < stride / 4; i += blockDim.x) {
        int code[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const float value = 4 * i + j < width ? from[4 * i + j] : 0.0f;
            code[j] = (int)fminf(fmaxf(rintf(__fmul_rn(value, inverse)), (float)(-highest - 1)), (float)highest);
        }
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
