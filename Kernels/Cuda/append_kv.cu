// append_paged_kv_cache: quantizes each head of k and v and stores it at its row's page and slot. One warp a (row, head, K or V);
// bound by the latency of a launch at decode sizes, by memory at prefill.
#include "kv_cache.cuh"

__device__ __forceinline__ float clamp_half(float value) { return fminf(fmaxf(value, -65504.0f), 65504.0f); }

__device__ __forceinline__ u32 code_of(float x, float min, float inverse, float highest) {
    return (u32)fminf(fmaxf(rintf(__fmul_rn(__fsub_rn(x, min), inverse)), 0.0f), highest);
}

// scale = FP16((clip·max - clip·min)/(2^bits - 1)), min = FP16(clip·min); a scale of 0 becomes 1, with the unclipped minimum.
// k, v [rows, kv_heads, head_dim]; cache: pages of page_bytes. Grid (kv_heads, rows, 2), 32 threads. head_dim is even.
extern "C" __global__ void append_paged_kv_cache(
    const float* k, const float* v, u8* cache, i64 page_bytes, Plane key, Plane value, Batch batch, int head_dim, float clip) {
    const int head = blockIdx.x, row = blockIdx.y, kv_heads = gridDim.x, lane = threadIdx.x;
    const Plane plane = blockIdx.z ? value : key;
    const float* x = (blockIdx.z ? v : k) + ((i64)row * kv_heads + head) * head_dim;
    const int position = batch.position(row), slot = position % kPageSize;
    u8* base = plane_of(cache, page_bytes, batch.page(row, position / kPageSize), plane);
    u8* to = base + ((i64)head * kPageSize + slot) * plane.head_bytes;
    if (plane.bits > 8) {
        for (int i = lane; i < head_dim; i += 32) {
            if (plane.bits == 32) ((float*)to)[i] = x[i];
            else ((u16*)to)[i] = float_to_half(x[i]);
        }
        return;
    }

    float lowest = x[0], highest = x[0];
    for (int i = lane; i < head_dim; i += 32) {
        lowest = fminf(lowest, x[i]);
        highest = fmaxf(highest, x[i]);
    }
    for (int step = 16; step > 0; step /= 2) {
        lowest = fminf(lowest, __shfl_xor_sync(kFullWarp, lowest, step));
        highest = fmaxf(highest, __shfl_xor_sync(kFullWarp, highest, step));
    }

    // -0 becomes +0: which of the two a minimum over lanes finds is not fixed.
    lowest = __fadd_rn(lowest, 0.0f);
    const float steps = (float)((1 << plane.bits) - 1), clipped = __fmul_rn(clip, lowest);
    u16 scale_bits = float_to_half(fminf(__fdiv_rn(__fsub_rn(__fmul_rn(clip, highest), clipped), steps), 65504.0f));
    const bool is_zero = (scale_bits & 0x7fff) == 0;
    const u16 min_bits = float_to_half(clamp_half(is_zero ? lowest : clipped));
    if (is_zero) scale_bits = 0x3c00;
    if (lane == 0) {
        u16* scales = scale_of(base, plane.head_bytes, kv_heads, head, slot);
        scales[0] = scale_bits;
        scales[kv_heads * kPageSize] = min_bits;
    }
    const float min = half_to_float(min_bits), inverse = __fdiv_rn(1.0f, half_to_float(scale_bits));
    if (plane.bits > 4) {
        for (int i = lane; i < head_dim; i += 32) to[i] = (u8)code_of(x[i], min, inverse, steps);
    } else {
        for (int i = lane; i < head_dim / 2; i += 32)
            to[i] = (u8)(code_of(x[2 * i], min, inverse, steps) | (code_of(x[2 * i + 1], min, inverse, steps) << 4));
    }
}
