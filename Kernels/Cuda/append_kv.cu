// append_paged_kv_cache: quantizes each head of k and v and stores it at its row's page and slot. One warp a (row, head, K or V);
// bound by the latency of a launch at decode sizes, by memory at prefill.
#include "kv_append.cuh"

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
    const HeadSteps steps = head_steps(lowest, highest, plane.bits, clip);
    if (lane == 0) store_steps(steps, base, plane.head_bytes, kv_heads, head, slot);
    if (plane.bits > 4) {
        for (int i = lane; i < head_dim; i += 32) to[i] = (u8)steps.code(x[i]);
    } else {
        for (int i = lane; i < head_dim / 2; i += 32) to[i] = (u8)(steps.code(x[2 * i]) | (steps.code(x[2 * i + 1]) << 4));
    }
}
