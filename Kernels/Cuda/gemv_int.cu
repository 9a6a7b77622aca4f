// w4a4_gemm and w8a8_gemm for few rows and one scale a channel: y = (x·Wᵀ)·sw·sx, exact in int32. Bound by reading W once.
//
// A warp takes 4 channels and all rows of its tile; its lanes walk the columns 16 bytes of W at a time:
//
//   W[o]   |lane 0: 16 B|lane 1: 16 B| ... |lane 31: 16 B|lane 0 ...      16 B are 32 INT4 or 16 INT8 columns
//
// INT4: a nibble moved to the high half of its byte is 16 times its value as a signed byte, so masks and one shift unpack it; even and odd
// columns part, and the codes of x are parted alike. A lane's sum is a multiple of 16 and is shifted back before lanes are added: with at most
// 2,097,151 columns a lane's 16-fold sum stays below 2^31.
#include "arithmetic.cuh"

constexpr int kChannels = 4;  // of a warp: each word of x that is parted serves four
constexpr int kWarps = 4;

template <int kBits>
__device__ __forceinline__ int multiply(uint4 w, const uint4* x, int sum) {
    const u32 words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const u32* codes = (const u32*)x + (kBits == 4 ? 2 * i : i);
        if (kBits == 4) {
            sum = dot4((words[i] << 4) & 0xf0f0f0f0u, __byte_perm(codes[0], codes[1], 0x6420), sum);
            sum = dot4(words[i] & 0xf0f0f0f0u, __byte_perm(codes[0], codes[1], 0x7531), sum);
        } else {
            sum = dot4(words[i], codes[0], sum);
        }
    }
    return sum;
}

// x [rows, stride] int8, sx [rows]; w [out, pitch bytes], sw [out]; y [rows, out]. stride and pitch are padded to 64 columns, x with zeros.
template <int kBits, int kRows>
__device__ __forceinline__ void gemv(const signed char* __restrict__ x, const float* __restrict__ sx, int stride, const u8* __restrict__ w, int pitch,
    const float* __restrict__ sw, const float* __restrict__ bias, float* y, int rows, int out, int accumulate) {
    constexpr int kCodeVectors = kBits == 4 ? 2 : 1;  // uint4s of x that go with a uint4 of W
    const int lane = threadIdx.x % 32, first = (blockIdx.x * kWarps + threadIdx.x / 32) * kChannels, first_row = blockIdx.y * kRows;
    if (first >= out) return;
    int sum[kRows][kChannels] = {};
    for (int chunk = lane; chunk < pitch / 16; chunk += 32) {
        uint4 weights[kChannels];
#pragma unroll
        for (int c = 0; c < kChannels; c++) weights[c] = __ldcs((const uint4*)(w + (i64)min(first + c, out - 1) * pitch) + chunk);
#pragma unroll
        for (int r = 0; r < kRows; r++) {
            const uint4* row = (const uint4*)(x + (i64)min(first_row + r, rows - 1) * stride) + chunk * kCodeVectors;
            uint4 codes[kCodeVectors];
#pragma unroll
            for (int i = 0; i < kCodeVectors; i++) codes[i] = row[i];
#pragma unroll
            for (int c = 0; c < kChannels; c++) sum[r][c] = multiply<kBits>(weights[c], codes, sum[r][c]);
        }
    }
#pragma unroll
    for (int r = 0; r < kRows; r++)
#pragma unroll
        for (int c = 0; c < kChannels; c++) {
            const int total = __reduce_add_sync(kFullWarp, kBits == 4 ? sum[r][c] >> 4 : sum[r][c]);
            const int row = first_row + r, channel = first + c;
            if (lane == (r * kChannels + c) % 32 && row < rows && channel < out)
                store_output(y, (i64)row * out + channel, __fmul_rn(__fmaf_rn((float)total, sw[channel], 0.0f), sx[row]), bias, channel, accumulate);
        }
}

// Grid (out/16, rows/kRows), 128 threads.
#define GEMV(name, bits, row_tile)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(32 * kWarps) name(const signed char* x, const float* sx, int stride, const u8* w, int pitch, \
        const float* sw, const float* bias, float* y, int rows, int out, int accumulate) {                                                \
        gemv<bits, row_tile>(x, sx, stride, w, pitch, sw, bias, y, rows, out, accumulate);                                                 \
    }
GEMV(gemv_int4_1, 4, 1)
GEMV(gemv_int4_4, 4, 4)
GEMV(gemv_int8_1, 8, 1)
GEMV(gemv_int8_4, 8, 4)
