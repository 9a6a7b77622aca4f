// flash_prefill and flash_decode, one arithmetic for both: causal attention of a row to the cached positions of its sequence.
//
// One block of 128 threads a (query head, row). It walks the row's pages in ascending order; for each tile of 64 positions:
//   load    8 half-warps turn the tile's K and V into floats in shared memory, 16 lanes a position
//   scores  2 threads a position, each with 8 lanes of the 16-lane sum:  thread 2j: d = 0-7, 16-23, ..   thread 2j+1: d = 8-15, 24-31, ..
//   softmax every warp finds the new maximum and the sum for itself; 64 threads compute p
//   values  one thread an element of the output: o = fma(p_j, v_j, o), j ascending
// The order over positions is fixed by the contract, so a row cannot be split over blocks; rows and heads fill the GPU at prefill.
// Shared memory: 2·64·S + S floats, S = head_dim rounded up to 16, plus 4 against bank conflicts. Limit: head_dim <= 256.
#include "kv_cache.cuh"

constexpr int kThreads = 128;
constexpr int kMaxPerThread = 2;  // head_dim / kThreads at most
constexpr int kHalfWarps = kThreads / kLanes;

__device__ __forceinline__ u32 code_at(u32 word, int bits, int i) { return bits <= 4 ? (word >> (4 * i)) & 15 : (word >> (8 * i)) & 255; }

// tile[j][d] = element d of position j, for j < count.
__device__ void load_tile(const u8* __restrict__ plane, int bits, int head_bytes, int kv_heads, int head, int head_dim, int count, float* tile, int stride) {
    const int lane = threadIdx.x % kLanes, half_warp = threadIdx.x / kLanes;
    const u8* codes = plane + (i64)head * kPageSize * head_bytes;
    const u16* scales = (const u16*)(plane + (i64)kv_heads * kPageSize * head_bytes) + head * kPageSize;
    const u16* mins = scales + kv_heads * kPageSize;
    if (bits > 8) {
        for (int j = half_warp; j < count; j += kHalfWarps)
            for (int d = lane; d < head_dim; d += kLanes)
                tile[j * stride + d] = bits == 32 ? ((const float*)(codes + j * head_bytes))[d] : half_to_float(((const u16*)(codes + j * head_bytes))[d]);
        return;
    }

    if (head_bytes % 4) {
        for (int j = half_warp; j < count; j += kHalfWarps)
            for (int d = lane; d < head_dim; d += kLanes) {
                const u32 code = bits <= 4 ? code_at(codes[j * head_bytes + d / 2], bits, d % 2) : codes[j * head_bytes + d];
                tile[j * stride + d] = __fmaf_rn(half_to_float(scales[j]), (float)code, half_to_float(mins[j]));
            }
        return;
    }

    // Whole words: the loads of 8 positions are in flight before the first is used.
    const int per_word = bits <= 4 ? 8 : 4;
    for (int w = lane; w < head_bytes / 4; w += kLanes) {
        u32 word[kPageSize / kHalfWarps];
        float scale[kPageSize / kHalfWarps], min[kPageSize / kHalfWarps];
#pragma unroll
        for (int i = 0; i < kPageSize / kHalfWarps; i++) {
            const int j = half_warp + i * kHalfWarps;
            if (j < count) {
                word[i] = ((const u32*)(codes + j * head_bytes))[w];
                scale[i] = half_to_float(scales[j]);
                min[i] = half_to_float(mins[j]);
            }
        }
#pragma unroll
        for (int i = 0; i < kPageSize / kHalfWarps; i++) {
            const int j = half_warp + i * kHalfWarps;
            if (j < count)
                for (int e = 0; e < per_word; e++)
                    tile[j * stride + w * per_word + e] = __fmaf_rn(scale[i], (float)code_at(word[i], bits, e), min[i]);
        }
    }
}

// The 16-lane sum of q·k for one position, computed by two neighbouring threads; both get it.
__device__ __forceinline__ float score(const float* q, const float* k, int padded) {
    float lanes[8] = {};
    for (int start = 8 * (threadIdx.x % 2); start < padded; start += kLanes) {
        const float4 a = *(const float4*)(q + start), b = *(const float4*)(q + start + 4);
        const float4 c = *(const float4*)(k + start), d = *(const float4*)(k + start + 4);
        lanes[0] = __fmaf_rn(a.x, c.x, lanes[0]);
        lanes[1] = __fmaf_rn(a.y, c.y, lanes[1]);
        lanes[2] = __fmaf_rn(a.z, c.z, lanes[2]);
        lanes[3] = __fmaf_rn(a.w, c.w, lanes[3]);
        lanes[4] = __fmaf_rn(b.x, d.x, lanes[4]);
        lanes[5] = __fmaf_rn(b.y, d.y, lanes[5]);
        lanes[6] = __fmaf_rn(b.z, d.z, lanes[6]);
        lanes[7] = __fmaf_rn(b.w, d.w, lanes[7]);
    }
#pragma unroll
    for (int i = 0; i < 8; i++) lanes[i] = __fadd_rn(lanes[i], __shfl_xor_sync(kFullWarp, lanes[i], 1));
#pragma unroll
    for (int half = 4; half > 0; half /= 2)
#pragma unroll
        for (int i = 0; i < half; i++) lanes[i] = __fadd_rn(lanes[i], lanes[i + half]);
    return lanes[0];
}

// q, o [rows, heads, head_dim]; cache: pages of page_bytes; scale = 1/√head_dim. Grid (heads, rows), 128 threads.
extern "C" __global__ void __launch_bounds__(kThreads) attention(
    const float* q, u8* cache, i64 page_bytes, Plane key, Plane value, Batch batch, int kv_heads, int head_dim, float scale, float* o) {
    extern __shared__ __align__(16) float memory[];
    __shared__ float scores[kPageSize], p[kPageSize];
    const int heads = gridDim.x, head = blockIdx.x, row = blockIdx.y, lane = threadIdx.x % 32;
    const int kv_head = head / (heads / kv_heads), padded = round_up(head_dim, kLanes), stride = padded + 4;
    float *keys = memory, *values = keys + kPageSize * stride, *query = values + kPageSize * stride;
    const i64 at = ((i64)row * heads + head) * head_dim;
    for (int d = threadIdx.x; d < padded; d += kThreads) query[d] = d < head_dim ? q[at + d] : 0.0f;
    for (int i = threadIdx.x; i < kPageSize * (padded - head_dim); i += kThreads)
        keys[i / (padded - head_dim) * stride + head_dim + i % (padded - head_dim)] = 0.0f;

    float max = kLowest, sum = 0.0f, out[kMaxPerThread] = {};
    const int position = batch.position(row);
    for (int start = 0; start <= position; start += kPageSize) {
        const int count = min(kPageSize, position + 1 - start), page = batch.page(row, start / kPageSize);
        __syncthreads();
        load_tile(plane_of(cache, page_bytes, page, key), key.bits, key.head_bytes, kv_heads, kv_head, head_dim, count, keys, stride);
        load_tile(plane_of(cache, page_bytes, page, value), value.bits, value.head_bytes, kv_heads, kv_head, head_dim, count, values, stride);
        __syncthreads();
        const int j = threadIdx.x / 2;
        const float s = __fmul_rn(score(query, keys + j * stride, padded), scale);
        if (threadIdx.x % 2 == 0) scores[j] = j < count ? s : kLowest;
        __syncthreads();
        float new_max = fmaxf(max, fmaxf(scores[lane], scores[lane + 32]));
        for (int step = 16; step > 0; step /= 2) new_max = fmaxf(new_max, __shfl_xor_sync(kFullWarp, new_max, step));
        const float rescale = exact_exp(__fsub_rn(max, new_max));
        if (threadIdx.x < kPageSize) p[threadIdx.x] = threadIdx.x < count ? exact_exp(__fsub_rn(scores[threadIdx.x], new_max)) : 0.0f;
        max = new_max;
        __syncthreads();
        float part = 0.0f;
#pragma unroll
        for (int i = 0; i < kPageSize; i += kLanes) part = __fmaf_rn(p[i + lane % kLanes], 1.0f, part);
        sum = __fmaf_rn(sum, rescale, fold_lanes(part));
#pragma unroll
        for (int i = 0; i < kMaxPerThread; i++) {
            const int d = threadIdx.x + i * kThreads;
            if (d < head_dim) {
                float total = __fmul_rn(out[i], rescale);
#pragma unroll 8
                for (int t = 0; t < count; t++) total = __fmaf_rn(p[t], values[t * stride + d], total);
                out[i] = total;
            }
        }
    }
#pragma unroll
    for (int i = 0; i < kMaxPerThread; i++) {
        const int d = threadIdx.x + i * kThreads;
        if (d < head_dim) o[at + d] = __fdiv_rn(out[i], sum);
    }
}
