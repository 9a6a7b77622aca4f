// Repacks INT4 weights at load from the checkpoint's layout into that of the w4a4 kernels (w4_layout.cuh). Bound by memory; runs once a layer.
#include "w4_layout.cuh"

// source U8 [out, k / 2]; target u32 [words]. `interleave`: source holds gate [out / 2] then up [out / 2], and channel 2i of the target is gate i,
// channel 2i + 1 up i. Any grid, one thread a word in turn.
extern "C" __global__ void w4_repack(const unsigned char* source, unsigned* target, int out, int k, int interleave) {
    const long long words = w4_words(out, k);
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < words; i += (long long)gridDim.x * blockDim.x)
        target[i] = w4_repack_word(source, out, k, interleave, i);
}
