// GEMMs with a float side, lm_head among them: y = 16-lane sums of x·w. A half-warp owns a sum: its 16 lanes are the 16 lanes of the contract,
// so neighbouring lanes read neighbouring columns and nothing is reordered. At one row bound by reading W once.
//
// A block of 8 half-warps takes kRows rows (staged in shared memory, 512 columns at a time) and 8·kChannels channels.
#include "arithmetic.cuh"

constexpr int kHalfWarps = 8;
constexpr int kColumns = 512;  // staged at a time: 16 KB for 8 rows

enum Format { kFloat32 = 0, kFloat16 = 1, kInt8 = 2, kInt4 = 3 };  // as WeightFormat in Checkpoints

// W[k] of one channel as a float: the element itself, or (float)code·scale.
template <int kFormat>
__device__ __forceinline__ float weight(const u8* w, int k, const float* scales, int group, int groups) {
    if (kFormat == kFloat32) return __ldcs((const float*)w + k);
    if (kFormat == kFloat16) return half_to_float(__ldcs((const u16*)w + k));
    const float scale = scales[groups == 1 ? 0 : min(k / group, groups - 1)];
    if (kFormat == kInt8) return __fmul_rn((float)(signed char)w[k], scale);
    const int nibble = (w[k / 2] >> (4 * (k % 2))) & 15;
    return __fmul_rn((float)(nibble >= 8 ? nibble - 16 : nibble), scale);
}

// x [rows, stride] floats; w [out, pitch bytes]; sw [out, in/group] or null; y [rows, out]. Both padded with zeros to 64 columns.
template <int kFormat, int kRows, int kChannels>
__device__ __forceinline__ void gemm(const float* __restrict__ x, int stride, const u8* __restrict__ w, int pitch, const float* __restrict__ sw, int in,
    int group, const float* __restrict__ bias, float* y, int rows, int out, int accumulate) {
    __shared__ float staged[kRows][kColumns];
    const int lane = threadIdx.x % kLanes, first = (blockIdx.x * kHalfWarps + threadIdx.x / kLanes) * kChannels, first_row = blockIdx.y * kRows;
    const int padded = round_up(in, kLanes), groups = in / group;
    float sum[kRows][kChannels] = {};
    const u8* channel[kChannels];
    const float* scale[kChannels];
#pragma unroll
    for (int c = 0; c < kChannels; c++) {
        channel[c] = w + (i64)min(first + c, out - 1) * pitch;
        scale[c] = sw + (i64)min(first + c, out - 1) * groups;
    }
    for (int start = 0; start < padded; start += kColumns) {
        const int count = min(kColumns, padded - start);
        __syncthreads();
        for (int r = 0; r < kRows; r++)
            for (int i = threadIdx.x; i < count; i += blockDim.x) staged[r][i] = x[(i64)min(first_row + r, rows - 1) * stride + start + i];
        __syncthreads();
#pragma unroll(kRows == 1 ? 8 : 2)
        for (int k = lane; k < count; k += kLanes) {
            float weights[kChannels];
#pragma unroll
            for (int c = 0; c < kChannels; c++) weights[c] = weight<kFormat>(channel[c], start + k, scale[c], group, groups);
#pragma unroll
            for (int r = 0; r < kRows; r++)
#pragma unroll
                for (int c = 0; c < kChannels; c++) sum[r][c] = __fmaf_rn(staged[r][k], weights[c], sum[r][c]);
        }
    }
#pragma unroll
    for (int r = 0; r < kRows; r++)
#pragma unroll
        for (int c = 0; c < kChannels; c++) {
            const float value = fold_lanes(sum[r][c]);
            if (lane == 0 && first_row + r < rows && first + c < out)
                store_output(y, (i64)(first_row + r) * out + first + c, value, bias, first + c, accumulate);
        }
}

// Grid (out/(8·channels), rows/row_tile), 128 threads.
#define GEMM(name, format, row_tile, channels)                                                                                              \
    extern "C" __global__ void __launch_bounds__(kHalfWarps * kLanes) name(const float* x, int stride, const u8* w, int pitch, const float* sw, \
        int in, int group, const float* bias, float* y, int rows, int out, int accumulate) {                                               \
        gemm<format, row_tile, channels>(x, stride, w, pitch, sw, in, group, bias, y, rows, out, accumulate);                               \
    }
GEMM(gemm_float32_1, kFloat32, 1, 2)
GEMM(gemm_float32_8, kFloat32, 8, 4)
GEMM(gemm_float16_1, kFloat16, 1, 2)
GEMM(gemm_float16_8, kFloat16, 8, 4)
GEMM(gemm_dequantized8_1, kInt8, 1, 2)
GEMM(gemm_dequantized8_8, kInt8, 8, 4)
GEMM(gemm_dequantized4_1, kInt4, 1, 2)
GEMM(gemm_dequantized4_8, kInt4, 8, 4)
