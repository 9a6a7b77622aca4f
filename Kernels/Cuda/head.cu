// lm_head: y = 16-lane sums of float x and FP16 W, the bits of gemm_float16_* (gemm_float.cu), bound by reading W once for up to 8 rows.
//
//   x  f32 [rows, stride]     w  f16 [out, pitch bytes]     y  f32 [rows, out]     bias f32 [out] or null
//   both padded with zeros to 64 columns; 16-byte aligned. Same parameters as gemm_float16_*, so that one may stand for the other.
//
// The order of a sum is fixed along k, so a sum cannot be split; what is parallel are its 16 lanes and the channels. A pair of threads owns two
// channels: one thread has lanes 0 to 7, the other 8 to 15, of each channel and row, and a step of 16 columns is one 16-byte load a channel.
//
//   block: 256 channels     columns ->  | stage: 64 columns | stage | stage | ...     copied by cp.async, kStages in flight (kStages x 32 KB
//                                       |0-15|16-31|..                                 of W), so the loads in flight do not depend on registers
//
// Shared memory: W [256 channels][8 units of 16 bytes], unit u of channel c at u ^ 2(c % 4): four channels' two units are 8 different bank groups.
// Launch: grid (rows/kRows, out/256), row tiles fastest, so that tiles of the same channels share W in L2; 256 threads, kStages x (32768 + 256 kRows)
// bytes of dynamic shared memory: head_float16_{kRows}_s6 for Hopper, _s4 for an A100. Small `out` leaves multiprocessors idle: gemm_float16_* is then the better choice.
#include "arithmetic.cuh"
#include "ptx.cuh"

constexpr int kHeadThreads = 256;
constexpr int kHeadChannels = 256;
constexpr int kStageColumns = 64;
constexpr int kStageBytes = kHeadChannels * kStageColumns * 2;
constexpr int kOwned = 2;  // channels of a pair of threads

// Starts the copies of a stage: 8 neighbouring threads copy 128 bytes of a channel.
template <int kRows>
__device__ __forceinline__ void fetch_stage(char* stage, const float* x, int stride, const u8* w, int pitch, int first_row, int rows, int first, int out,
    int start) {
#pragma unroll
    for (int i = 0; i < kHeadChannels * 8 / kHeadThreads; i++) {
        const int channel = (i * kHeadThreads + threadIdx.x) / 8, unit = threadIdx.x % 8;
        copy_16(stage + channel * 128 + (unit ^ channel % 4 * 2) * 16, w + (i64)min(first + channel, out - 1) * pitch + start * 2 + unit * 16);
    }
    if (threadIdx.x < kRows * 16) {
        const int row = threadIdx.x / 16, unit = threadIdx.x % 16;
        copy_16(stage + kStageBytes + threadIdx.x * 16, x + (i64)min(first_row + row, rows - 1) * stride + start + unit * 4);
    }
}

// Two FP16 of a word as floats.
__device__ __forceinline__ void widen(u32 word, float& low, float& high) {
    low = half_to_float((u16)word);
    high = half_to_float((u16)(word >> 16));
}

template <int kRows>
__device__ __forceinline__ void add_stage(const char* stage, int channel, int half, float (&sum)[kRows][kOwned][8]) {
#pragma unroll
    for (int step = 0; step < kStageColumns / kLanes; step++) {
        float weights[kOwned][8];
#pragma unroll
        for (int c = 0; c < kOwned; c++) {
            const int at = channel + c * kLanes, unit = (2 * step + half) ^ at % 4 * 2;
            const uint4 word = *(const uint4*)(stage + at * 128 + unit * 16);
            widen(word.x, weights[c][0], weights[c][1]);
            widen(word.y, weights[c][2], weights[c][3]);
            widen(word.z, weights[c][4], weights[c][5]);
            widen(word.w, weights[c][6], weights[c][7]);
        }
#pragma unroll
        for (int r = 0; r < kRows; r++) {
            const float4* x = (const float4*)(stage + kStageBytes + r * 256 + step * 64 + half * 32);
            const float4 low = x[0], high = x[1];
            const float values[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
            for (int c = 0; c < kOwned; c++)
#pragma unroll
                for (int i = 0; i < 8; i++) sum[r][c][i] = __fmaf_rn(values[i], weights[c][i], sum[r][c][i]);
        }
    }
}

// Lanes i and i+8 (the other thread of the pair), then i+4, i+2, i+1.
__device__ __forceinline__ float fold_pair(float (&lane)[8]) {
#pragma unroll
    for (int i = 0; i < 8; i++) lane[i] = __fadd_rn(lane[i], __shfl_xor_sync(kFullWarp, lane[i], 1));
#pragma unroll
    for (int step = 4; step > 0; step /= 2)
#pragma unroll
        for (int i = 0; i < step; i++) lane[i] = __fadd_rn(lane[i], lane[i + step]);
    return lane[0];
}

template <int kRows, int kStages>
__device__ __forceinline__ void head(const float* x, int stride, const u8* w, int pitch, int in, const float* bias, float* y, int rows, int out,
    int accumulate) {
    extern __shared__ __align__(16) char stages[];
    constexpr int kBytes = kStageBytes + kRows * 256;
    const int first_row = blockIdx.x * kRows, first = blockIdx.y * kHeadChannels, count = (in + kStageColumns - 1) / kStageColumns;
    const int half = threadIdx.x % 2, channel = threadIdx.x / 32 * 32 + threadIdx.x % 32 / 2;
    float sum[kRows][kOwned][8] = {};
#pragma unroll
    for (int s = 0; s < kStages - 1; s++) {
        if (s < count) fetch_stage<kRows>(stages + s * kBytes, x, stride, w, pitch, first_row, rows, first, out, s * kStageColumns);
        copies_commit();
    }
    int slot = 0;
    for (int s = 0; s < count; s++) {
        copies_wait_group<kStages - 2>();
        // Stage s has arrived for all threads, and all have finished with stage s - 1, whose place is filled next.
        __syncthreads();
        const int next = s + kStages - 1;
        if (next < count)
            fetch_stage<kRows>(stages + (slot == 0 ? kStages - 1 : slot - 1) * kBytes, x, stride, w, pitch, first_row, rows, first, out, next * kStageColumns);
        copies_commit();
        add_stage<kRows>(stages + slot * kBytes, channel, half, sum);
        slot = slot + 1 == kStages ? 0 : slot + 1;
    }
#pragma unroll
    for (int r = 0; r < kRows; r++)
#pragma unroll
        for (int c = 0; c < kOwned; c++) {
            const float value = fold_pair(sum[r][c]);
            const int at = first + channel + c * kLanes;
            if (half == c && first_row + r < rows && at < out) store_output(y, (i64)(first_row + r) * out + at, value, bias, at, accumulate);
        }
}

#define HEAD(name, row_tile, stages)                                                                                                       \
    extern "C" __global__ void __launch_bounds__(kHeadThreads) name(const float* x, int stride, const u8* w, int pitch, const float*, int in, \
        int, const float* bias, float* y, int rows, int out, int accumulate) {                                                            \
        grid_wait();                                                                                                                       \
        grid_release();                                                                                                                    \
        head<row_tile, stages>(x, stride, w, pitch, in, bias, y, rows, out, accumulate);                                                   \
    }
HEAD(head_float16_1_s6, 1, 6)
HEAD(head_float16_2_s6, 2, 6)
HEAD(head_float16_4_s6, 4, 6)
HEAD(head_float16_8_s6, 8, 6)
HEAD(head_float16_1_s4, 1, 4)
HEAD(head_float16_2_s4, 2, 4)
HEAD(head_float16_4_s4, 4, 4)
HEAD(head_float16_8_s4, 8, 4)
