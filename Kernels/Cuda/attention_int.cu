// Attention with K and V of 3 to 8 bits in plain loops, for the head sizes that flash_decode and flash_prefill do not have: the same bits
// (Backend.Attention), several times slower. One block of 128 threads a (query head, row):
//
//   scores   thread j < 64 a position; maxima, sums and codes of the weights are found by every thread for itself from shared memory
//   values   thread d an element of the output (and element d + 128)
#include "kv_cache.cuh"
#include "softmax.cuh"

constexpr int kThreads = 128;
constexpr int kMostElements = 2;  // of a thread: head_dim <= 256

__device__ __forceinline__ int code_of(const u8* head, int bits, int d) { return bits <= 4 ? (head[d / 2] >> (4 * (d % 2))) & 15 : head[d]; }

// The eight-lane sum of 64 numbers.
__device__ __forceinline__ float eight_lane_sum(const float* x) {
    float lanes[8] = {};
    for (int j = 0; j < kPageSize; j += 8)
#pragma unroll
        for (int i = 0; i < 8; i++) lanes[i] = __fadd_rn(lanes[i], x[j + i]);
#pragma unroll
    for (int step = 1; step < 8; step *= 2)
#pragma unroll
        for (int i = 0; i < 8; i += 2 * step) lanes[i] = __fadd_rn(lanes[i], lanes[i + step]);
    return lanes[0];
}

struct State {
    float m, l, o[kMostElements];

    __device__ __forceinline__ void add(const State& next) {
        const Merge merge = merge_of(m, next.m);
        m = merge.m;
        l = merged(l, next.l, merge.keep, merge.take);
#pragma unroll
        for (int i = 0; i < kMostElements; i++) o[i] = merged(o[i], next.o[i], merge.keep, merge.take);
    }
};

// q s8 [rows, heads, head_dim] codes, q_scale float and q_sum int [rows, heads] (quantize_query); o [rows, heads, head_dim].
// Grid (heads, rows), 128 threads. head_dim even, at most 256.
extern "C" __global__ void __launch_bounds__(kThreads) attention_int(const signed char* q, const float* q_scale, const int* q_sum, u8* cache,
    i64 page_bytes, Plane key, Plane value, Batch batch, int kv_heads, int head_dim, float* o) {
    __shared__ int query[kMostElements * kThreads];
    __shared__ float p[kPageSize], w[kPageSize], c[kPageSize];
    __shared__ int codes[kPageSize];
    const int heads = gridDim.x, head = blockIdx.x, row = blockIdx.y, thread = threadIdx.x, kv_head = head / (heads / kv_heads);
    const i64 at = (i64)row * heads + head;
    for (int d = thread; d < head_dim; d += kThreads) query[d] = q[at * head_dim + d];
    const float a = q_scale[at], s = (float)q_sum[at];
    const int position = batch.position(row);
    State total = {}, span = {};
    for (int tile = 0; tile * kPageSize <= position; tile++) {
        const int count = min(kPageSize, position + 1 - tile * kPageSize), page = batch.page(row, tile);
        u8 *keys = plane_of(cache, page_bytes, page, key), *values = plane_of(cache, page_bytes, page, value);
        __syncthreads();
        if (thread < kPageSize) {
            float score = kLowest;
            if (thread < count) {
                const u16* scale = scale_of(keys, key.head_bytes, kv_heads, kv_head, thread);
                const u8* codes_of_key = keys + ((i64)kv_head * kPageSize + thread) * key.head_bytes;
                int sum = 0;
                for (int d = 0; d < head_dim; d++) sum += query[d] * code_of(codes_of_key, key.bits, d);
                score = __fmul_rn(a, __fmaf_rn(half_to_float(scale[0]), (float)sum, __fmul_rn(half_to_float(scale[kv_heads * kPageSize]), s)));
            }
            w[thread] = score;
        }
        __syncthreads();
        State next;
        next.m = kLowest;
        for (int j = 0; j < count; j++) next.m = fmaxf(next.m, w[j]);
        __syncthreads();
        if (thread < kPageSize) {
            const u16* scale = scale_of(values, value.head_bytes, kv_heads, kv_head, thread);
            const float x = thread < count ? exact_exp(__fsub_rn(w[thread], next.m)) : 0.0f;
            p[thread] = x;
            w[thread] = thread < count ? __fmul_rn(x, half_to_float(scale[0])) : 0.0f;
            c[thread] = thread < count ? __fmul_rn(x, half_to_float(scale[kv_heads * kPageSize])) : 0.0f;
        }
        __syncthreads();
        float largest = 0.0f;
        for (int j = 0; j < count; j++) largest = fmaxf(largest, w[j]);
        const float step = weight_step(largest);
        if (thread < kPageSize) codes[thread] = (int)fminf(rintf(__fmul_rn(w[thread], __fdiv_rn(1.0f, step))), 255.0f);
        next.l = eight_lane_sum(p);
        const float sum_c = eight_lane_sum(c);
        __syncthreads();
#pragma unroll
        for (int i = 0; i < kMostElements; i++) {
            const int d = thread + i * kThreads;
            int sum = 0;
            if (d < head_dim)
                for (int j = 0; j < count; j++) sum += codes[j] * code_of(values + ((i64)kv_head * kPageSize + j) * value.head_bytes, value.bits, d);
            next.o[i] = __fmaf_rn(step, (float)sum, sum_c);
        }
        if (tile % kSpanTiles) {
            span.add(next);
            continue;
        }
        if (tile == kSpanTiles) total = span;
        else if (tile > 0) total.add(span);
        span = next;
    }
    if (position >= kSpanTiles * kPageSize) {
        total.add(span);
        span = total;
    }
#pragma unroll
    for (int i = 0; i < kMostElements; i++) {
        const int d = thread + i * kThreads;
        if (d < head_dim) o[at * head_dim + d] = __fdiv_rn(span.o[i], span.l);
    }
}
