// Ops that treat each row on its own, one block a row: embed_tokens, gather_rows, rms_norm, quantize_per_token, both in one, and their relatives.
// Bound by memory; at one row by latency: a load, the chains of the 256-lane sum, two barriers.
#include "arithmetic.cuh"
#include "ptx.cuh"

constexpr int kRowThreads = 256;  // the lanes of rms_norm's sum

// embed_tokens: x[row] = table[ids[row]].  table [vocab, pitch] FP16 or FP32 (pitch in elements), ids [rows], x [rows, width].
extern "C" __global__ void embed_tokens(const void* table, int is_half, int pitch, const int* ids, float* x, int width) {
    const i64 from = (i64)ids[blockIdx.x] * pitch;
    float* to = x + (i64)blockIdx.x * width;
    for (int i = threadIdx.x; i < width; i += blockDim.x)
        to[i] = is_half ? half_to_float(((const u16*)table)[from + i]) : ((const float*)table)[from + i];
}

// y[row] = x[rows[row]].  x [any, width], y [rows, width].
extern "C" __global__ void gather_rows(const float* x, const int* rows, float* y, int width) {
    grid_release();
    grid_wait();
    const float* from = x + (i64)rows[blockIdx.x] * width;
    float* to = y + (i64)blockIdx.x * width;
    for (int i = threadIdx.x; i < width; i += blockDim.x) to[i] = from[i];
}

// rms_norm to the 256-lane sum: thread = lane. A row of up to kHeld * 256 elements is read once and stays in registers; a longer one is read
// again (from L2) by whoever needs it.
//
//   row  | thread 0..255 | thread 0..255 | ...      neighbouring threads read neighbouring columns, every thread adds its own ascending
template <int kHeld, bool kBiased>
struct Row {
    const float* from;
    const float* gain;
    const float* bias;
    int width;
    float held[kHeld > 0 ? kHeld : 1];
    float added[kHeld > 0 && kBiased ? kHeld : 1];

    // Before the kernel ahead has ended: the bias is nobody's result, and where it is needed its latency would show.
    __device__ __forceinline__ void load_bias() {
        if (!kBiased) return;
#pragma unroll
        for (int j = 0; j < kHeld; j++) added[j] = threadIdx.x + j * kRowThreads < width ? __ldg(bias + threadIdx.x + j * kRowThreads) : 0.0f;
    }

    __device__ __forceinline__ void load() {
#pragma unroll
        for (int j = 0; j < kHeld; j++) held[j] = threadIdx.x + j * kRowThreads < width ? from[threadIdx.x + j * kRowThreads] : 0.0f;
    }

    // Calls body(element, its column, its register): of all columns below `end`; those past the row are zeros.
    template <typename Body>
    __device__ __forceinline__ void each(int end, Body body) {
        if (kHeld > 0) {
#pragma unroll
            for (int j = 0; j < kHeld; j++)
                if ((int)threadIdx.x + j * kRowThreads < end) body(held[j], (int)threadIdx.x + j * kRowThreads, j);
        } else {
            for (int i = threadIdx.x; i < end; i += kRowThreads) body(i < width ? from[i] : 0.0f, i, 0);
        }
    }

    // 1/sqrt(mean of squares + eps). Every warp folds all 256 lanes, so that one barrier is enough.
    __device__ __forceinline__ float inverse(float* lanes, float eps) {
        float sum = 0.0f;
        each(width, [&](float x, int, int) { sum = __fmaf_rn(x, x, sum); });
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

    __device__ __forceinline__ float normal(float x, int column, int j, float inverse) const {
        float value = __fmul_rn(x, inverse);
        if (gain && column < width) value = __fmul_rn(value, gain[column]);
        return kBiased && column < width ? __fadd_rn(value, kHeld > 0 ? added[j] : bias[column]) : value;
    }
};

template <int kHeld, bool kBiased>
__device__ __forceinline__ void norm_row(const float* x, const float* gain, const float* bias, float eps, float* y, int width) {
    __shared__ float lanes[kRowThreads];
    Row<kHeld, kBiased> row = {x + (i64)blockIdx.x * width, gain, bias, width};
    row.load();
    const float inverse = row.inverse(lanes, eps);
    float* to = y + (i64)blockIdx.x * width;
    row.each(width, [&](float value, int column, int j) { to[column] = row.normal(value, column, j, inverse); });
}

// rms_norm: y = (x·(1/√(mean(x²) + eps)))·gain + bias.  x, y [rows, width], may be the same; gain, bias [width] or null. Grid rows, 256 threads.
extern "C" __global__ void __launch_bounds__(kRowThreads) rms_norm(const float* x, const float* gain, const float* bias, float eps, float* y, int width) {
    grid_release();
    grid_wait();
    if (bias) norm_row<0, true>(x, gain, bias, eps, y, width);
    else if (width <= 16 * kRowThreads) norm_row<16, false>(x, gain, bias, eps, y, width);
    else if (width <= 32 * kRowThreads) norm_row<32, false>(x, gain, bias, eps, y, width);
    else norm_row<0, false>(x, gain, bias, eps, y, width);
}

template <int kHeld, bool kBiased>
__device__ __forceinline__ void norm_and_quantize_row(const float* x, const float* gain, const float* bias, float eps, signed char* codes, float* scales,
    int width, int stride, int highest, float clip) {
    __shared__ float lanes[kRowThreads];
    __shared__ float largest_of_warp[kRowThreads / 32];
    Row<kHeld, kBiased> row = {x + (i64)blockIdx.x * width, gain, bias, width};
    grid_release();
    row.load_bias();
    grid_wait();
    row.load();
    const float inverse_norm = row.inverse(lanes, eps);
    float largest = 0.0f;
    if (kHeld > 0) {
#pragma unroll
        for (int j = 0; j < kHeld; j++) {
            row.held[j] = row.normal(row.held[j], threadIdx.x + j * kRowThreads, j, inverse_norm);
            largest = fmaxf(largest, fabsf(row.held[j]));
        }
    } else {
        row.each(width, [&](float value, int column, int j) { largest = fmaxf(largest, fabsf(row.normal(value, column, j, inverse_norm))); });
    }
    for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, step));
    if (threadIdx.x % 32 == 0) largest_of_warp[threadIdx.x / 32] = largest;
    __syncthreads();
    for (int i = 0; i < kRowThreads / 32; i++) largest = fmaxf(largest, largest_of_warp[i]);
    float scale = __fdiv_rn(__fmul_rn(clip, largest), (float)highest);
    scale = scale < 1e-30f ? 1.0f : scale;
    const float inverse = __fdiv_rn(1.0f, scale);
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
    signed char* to = codes + (i64)blockIdx.x * stride;
    row.each(stride, [&](float value, int column, int j) {
        if (kHeld == 0) value = row.normal(value, column, j, inverse_norm);
        to[column] = (signed char)(int)fminf(fmaxf(rintf(__fmul_rn(value, inverse)), (float)(-highest - 1)), (float)highest);
    });
}

// rms_norm and quantize_per_token of the same row, which is read once.  x [rows, width]; gain [width] or null; bias [width], only `_bias`; codes
// [rows, stride] int8, padded with zeros (stride a multiple of 64); scales [rows]. Grid rows, 256 threads. A warp stores whole 32-byte sectors. A kernel for
// each kind: registers that one needs would keep blocks of the others from the SM. `_16` and `_32`: strides up to so many times 256.
#define RMS_NORM_QUANTIZE(name, held, biased)                                                                                              \
    extern "C" __global__ void __launch_bounds__(kRowThreads) name(const float* x, const float* gain, const float* bias, float eps,         \
        signed char* codes, float* scales, int width, int stride, int highest, float clip) {                                               \
        norm_and_quantize_row<held, biased>(x, gain, bias, eps, codes, scales, width, stride, highest, clip);                               \
    }
RMS_NORM_QUANTIZE(rms_norm_quantize_16, 16, false)
RMS_NORM_QUANTIZE(rms_norm_quantize_32, 32, false)
RMS_NORM_QUANTIZE(rms_norm_quantize, 0, false)
RMS_NORM_QUANTIZE(rms_norm_quantize_16_bias, 16, true)
RMS_NORM_QUANTIZE(rms_norm_quantize_32_bias, 32, true)
RMS_NORM_QUANTIZE(rms_norm_quantize_bias, 0, true)

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

// round_groups: quantize_per_token of each group of a row, and back to floats. x [rows, width], y [rows, stride], padded with zeros. A warp a group; grid rows,
// 256 threads.
extern "C" __global__ void round_groups(const float* x, float* y, int width, int stride, int group, int highest, float clip) {
    const int lane = threadIdx.x % 32;
    float* to = y + (i64)blockIdx.x * stride;
    for (int first = threadIdx.x / 32 * group; first < width; first += blockDim.x / 32 * group) {
        const float* from = x + (i64)blockIdx.x * width + first;
        float largest = 0.0f;
        for (int i = lane; i < group; i += 32) largest = fmaxf(largest, fabsf(from[i]));
        for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, step));
        float scale = __fdiv_rn(__fmul_rn(clip, largest), (float)highest);
        scale = scale < 1e-30f ? 1.0f : scale;
        const float inverse = __fdiv_rn(1.0f, scale);
        for (int i = lane; i < group; i += 32) {
            const float code = fminf(fmaxf(rintf(__fmul_rn(from[i], inverse)), (float)(-highest - 1)), (float)highest);
            to[first + i] = __fmul_rn(__fadd_rn(code, 0.0f), scale);  // codes are whole numbers: one zero
        }
    }
    for (int i = width + threadIdx.x; i < stride; i += blockDim.x) to[i] = 0.0f;
}
