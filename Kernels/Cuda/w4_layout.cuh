// How INT4 weights are repacked at load for the w4a4 kernels: one copy serves them all. w4a4_gemm_sm90.cu has the picture.
// Source: checkpoint layout, U8 [out, k / 2] row-major, low nibble = even k. Destination: u32 [ceil(out / 64)][k / 64][128 threads][4].
#pragma once

static __host__ __device__ inline unsigned w4_code(const unsigned char* source, int out, int k, int interleave, int row, int column) {
    if (row >= out) return 0;
    if (interleave) row = row % 2 * (out / 2) + row / 2;
    const unsigned char byte = source[(long long)row * (k / 2) + column / 2];
    return column % 2 ? byte >> 4 : byte & 15;
}

// Word `index` of the destination.
static __host__ __device__ inline unsigned w4_repack_word(const unsigned char* source, int out, int k, int interleave, long long index) {
    const int j = index % 4, thread = index / 4 % 128;
    const int block_k = index / 512 % (k / 64), panel = index / 512 / (k / 64);
    const int warp = thread / 32, g = thread % 32 / 4, t = thread % 4;
    const int row = 64 * panel + 16 * warp + 2 * g, column = 64 * block_k + 32 * (j / 2) + 16 * (j % 2) + 4 * t;
    unsigned word = 0;
    for (int b = 0; b < 4; b++)
        word |= (w4_code(source, out, k, interleave, row, column + b) | w4_code(source, out, k, interleave, row + 1, column + b) << 4) << 8 * b;
    return word;
}

static __host__ __device__ inline long long w4_words(int out, int k) { return (long long)((out + 63) / 64) * (k / 64) * 512; }
