// What lies between the q, k and v of a layer and its attention, in one pass: apply_rope and the head-wise hadamard_transform of q and k, the
// 8-bit codes of q, append_paged_kv_cache of k and v (3 to 8 bits). The roundings are those of the single ops. And quantize_query alone.
//
// One warp a (row, head), or (`_x4`, for many rows) four heads, whose steps then wait together; lane i has elements i·dim/32 .. of its head:
//
//   rope       partner elements lie dim/2 apart: lane i and i ^ 16
//   butterflies  strides below dim/32 inside the lane, then lanes i ^ 1, 2, 4, 8, 16: the ascending order of HadamardShape
//
// Bound by the latency of its few dependent steps at decode sizes, by reading qkv at prefill.
#include "kv_append.cuh"
#include "ptx.cuh"

constexpr int kWarps = 4;  // heads of a block

struct RopeArguments {
    const float *qkv, *cos, *sin;
    u8* cache;
    i64 page_bytes;
    Plane key, value;
    Batch batch;
    int heads, kv_heads;
    float hadamard_scale, score_scale, clip;
    signed char* codes;
    float* scales;
    int* sums;
};

template <int kOwn>
__device__ __forceinline__ void load_floats(const float* from, float (&x)[kOwn]) {
    if constexpr (kOwn >= 4) {
#pragma unroll
        for (int i = 0; i < kOwn / 4; i++) {
            const float4 v = ((const float4*)from)[i];
            x[4 * i] = v.x, x[4 * i + 1] = v.y, x[4 * i + 2] = v.z, x[4 * i + 3] = v.w;
        }
    } else if constexpr (kOwn == 2) {
        const float2 v = *(const float2*)from;
        x[0] = v.x, x[1] = v.y;
    } else {
        x[0] = *from;
    }
}

// kOwn bytes in the low bytes of the codes, as one store.
template <int kOwn>
__device__ __forceinline__ void store_bytes(u8* to, const u32 (&codes)[kOwn]) {
    u32 words[(kOwn + 3) / 4] = {};
#pragma unroll
    for (int i = 0; i < kOwn; i++) words[i / 4] |= (codes[i] & 255) << (8 * (i % 4));
    if constexpr (kOwn == 8) *(uint2*)to = make_uint2(words[0], words[1]);
    else if constexpr (kOwn == 4) *(u32*)to = words[0];
    else if constexpr (kOwn == 2) *(u16*)to = (u16)words[0];
    else *to = (u8)words[0];
}

// The 8-bit codes of a head of q: step = max|q|/127 (1 where that is below 1e-30), code = rint(q/step); scale = step·score_scale.
template <int kOwn>
__device__ __forceinline__ void quantize_head(const float (&x)[kOwn], float score_scale, u32 (&codes)[kOwn], float& scale, int& sum) {
    float largest = 0.0f;
#pragma unroll
    for (int i = 0; i < kOwn; i++) largest = fmaxf(largest, fabsf(x[i]));
    largest = __uint_as_float(__reduce_max_sync(kFullWarp, __float_as_uint(largest)));
    float step = __fdiv_rn(largest, 127.0f);
    step = step < 1e-30f ? 1.0f : step;
    const float inverse = __fdiv_rn(1.0f, step);
    sum = 0;
#pragma unroll
    for (int i = 0; i < kOwn; i++) {
        const int code = (int)fminf(fmaxf(rintf(__fmul_rn(x[i], inverse)), -127.0f), 127.0f);
        codes[i] = (u32)code;
        sum += code;
    }
    sum = __reduce_add_sync(kFullWarp, sum);
    scale = __fmul_rn(step, score_scale);
}

// c, s: cosines and sines of this lane's elements.
template <int kOwn>
__device__ __forceinline__ void rotate_position(float (&x)[kOwn], const float (&c)[kOwn], const float (&s)[kOwn]) {
    const float sign = threadIdx.x % 32 < 16 ? -1.0f : 1.0f;
#pragma unroll
    for (int i = 0; i < kOwn; i++) {
        const float other = __shfl_xor_sync(kFullWarp, x[i], 16);
        x[i] = __fmaf_rn(other, __fmul_rn(sign, s[i]), __fmul_rn(x[i], c[i]));
    }
}

template <int kOwn>
__device__ __forceinline__ void transform(float (&x)[kOwn], float scale) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int stride = 1; stride < kOwn; stride *= 2)
#pragma unroll
        for (int i = 0; i < kOwn; i++)
            if (i % (2 * stride) < stride) {
                const float u = x[i], v = x[i + stride];
                x[i] = __fadd_rn(u, v);
                x[i + stride] = __fsub_rn(u, v);
            }
#pragma unroll
    for (int lanes = 1; lanes < 32; lanes *= 2) {
        const float sign = lane & lanes ? -1.0f : 1.0f;  // other + sign·x rounds as the sum or the difference does
#pragma unroll
        for (int i = 0; i < kOwn; i++) x[i] = __fmaf_rn(x[i], sign, __shfl_xor_sync(kFullWarp, x[i], lanes));
    }
#pragma unroll
    for (int i = 0; i < kOwn; i++) x[i] = __fmul_rn(x[i], scale);
}

// head: of K, then of V.
template <int kOwn>
__device__ __forceinline__ void append(const float (&x)[kOwn], const RopeArguments& args, int row, int head) {
    const bool is_value = head >= args.kv_heads;
    Plane plane = args.key;
    if (is_value) plane = args.value, head -= args.kv_heads;
    const int lane = threadIdx.x % 32, position = args.batch.position(row), slot = position % kPageSize;
    float lowest = x[0], highest = x[0];
#pragma unroll
    for (int i = 1; i < kOwn; i++) {
        lowest = fminf(lowest, x[i]);
        highest = fmaxf(highest, x[i]);
    }
    const HeadSteps steps = head_steps(lowest, highest, plane.bits, args.clip);
    u8* base = plane_of(args.cache, args.page_bytes, args.batch.page(row, position / kPageSize), plane);
    u8* to = base + ((i64)head * kPageSize + slot) * plane.head_bytes;
    if (lane == 0) store_steps(steps, base, plane.head_bytes, args.kv_heads, head, slot);
    u32 codes[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; i++) codes[i] = steps.code(x[i]);
    if (plane.bits > 4) {
        store_bytes<kOwn>(to + lane * kOwn, codes);
    } else if constexpr (kOwn == 1) {
        const u32 next = __shfl_xor_sync(kFullWarp, codes[0], 1);
        if (lane % 2 == 0) to[lane / 2] = (u8)(codes[0] | (next << 4));
    } else {
        u32 pairs[kOwn / 2];
#pragma unroll
        for (int i = 0; i < kOwn / 2; i++) pairs[i] = codes[2 * i] | (codes[2 * i + 1] << 4);
        store_bytes<kOwn / 2>(to + lane * (kOwn / 2), pairs);
    }
}

// A head of q as codes.
template <int kDim, int kOwn>
__device__ __forceinline__ void store_query(const float (&x)[kOwn], const RopeArguments& args, int row, int head) {
    const int lane = threadIdx.x % 32;
    u32 codes[kOwn];
    float scale;
    int sum;
    quantize_head<kOwn>(x, args.score_scale, codes, scale, sum);
    const i64 at = (i64)row * args.heads + head;
    store_bytes<kOwn>((u8*)args.codes + at * kDim + lane * kOwn, codes);
    if (lane == 0) {
        args.scales[at] = scale;
        args.sums[at] = sum;
    }
}

template <int kDim, int kHeads>
__device__ __forceinline__ void rope_append(const RopeArguments& args) {
    constexpr int kOwn = kDim / 32;
    const int lane = threadIdx.x % 32, first = (blockIdx.x * kWarps + threadIdx.x / 32) * kHeads, row = blockIdx.y, all = args.heads + 2 * args.kv_heads;
    const i64 angle = (i64)args.batch.position(row) * (kDim / 2);
    grid_release();
    grid_wait();
    float x[kHeads][kOwn];
#pragma unroll
    for (int h = 0; h < kHeads; h++)
        if (first + h < all) load_floats<kOwn>(args.qkv + ((i64)row * all + first + h) * kDim + lane * kOwn, x[h]);
    if (first < args.heads + args.kv_heads) {
        float c[kOwn], s[kOwn];
        load_floats<kOwn>(args.cos + angle + lane % 16 * kOwn, c);
        load_floats<kOwn>(args.sin + angle + lane % 16 * kOwn, s);
#pragma unroll
        for (int h = 0; h < kHeads; h++) {
            if (first + h >= args.heads + args.kv_heads) break;
            rotate_position<kOwn>(x[h], c, s);
            if (args.hadamard_scale > 0.0f) transform<kOwn>(x[h], args.hadamard_scale);
        }
    }
#pragma unroll
    for (int h = 0; h < kHeads; h++) {
        const int head = first + h;
        if (head >= all) break;
        if (head < args.heads) store_query<kDim, kOwn>(x[h], args, row, head);
        else append<kOwn>(x[h], args, row, head - args.heads);
    }
}

// qkv [rows, heads + 2·kv_heads, dim]: q, k, v; cos, sin [positions, dim/2]; hadamard_scale 1/√dim, or 0 for no transform; score_scale 1/√dim.
// codes s8 [rows, heads, dim], scales float and sums int [rows, heads]. Grid (ceil((heads + 2·kv_heads)/(4 or 16)), rows), 128 threads.
#define ROPE_APPEND(name, dim, heads_of_warp)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(32 * kWarps) name(const float* qkv, const float* cos, const float* sin, u8* cache,            \
        i64 page_bytes, Plane key, Plane value, Batch batch, int heads, int kv_heads, float hadamard_scale, float score_scale, float clip,     \
        signed char* codes, float* scales, int* sums) {                                                                                       \
        rope_append<dim, heads_of_warp>({qkv, cos, sin, cache, page_bytes, key, value, batch, heads, kv_heads, hadamard_scale, score_scale,    \
            clip, codes, scales, sums});                                                                                                      \
    }
ROPE_APPEND(rope_append_32, 32, 1)
ROPE_APPEND(rope_append_64, 64, 1)
ROPE_APPEND(rope_append_128, 128, 1)
ROPE_APPEND(rope_append_256, 256, 1)
ROPE_APPEND(rope_append_32_x4, 32, 4)
ROPE_APPEND(rope_append_64_x4, 64, 4)
ROPE_APPEND(rope_append_128_x4, 128, 4)
ROPE_APPEND(rope_append_256_x4, 256, 4)

// q [count, dim] -> codes s8 [count, dim], scales float, sums int [count]. A warp a head of q, dim <= 256. Grid ceil(count/4), 128 threads.
extern "C" __global__ void __launch_bounds__(32 * kWarps) quantize_query(
    const float* q, signed char* codes, float* scales, int* sums, i64 count, int dim, float score_scale) {
    constexpr int kMost = 8;  // elements of a lane
    const int lane = threadIdx.x % 32;
    const i64 head = (i64)blockIdx.x * kWarps + threadIdx.x / 32;
    grid_release();
    grid_wait();
    if (head >= count) return;
    float x[kMost];
#pragma unroll
    for (int i = 0; i < kMost; i++) x[i] = lane + 32 * i < dim ? q[head * dim + lane + 32 * i] : 0.0f;
    u32 code[kMost];
    float scale;
    int sum;
    quantize_head<kMost>(x, score_scale, code, scale, sum);
#pragma unroll
    for (int i = 0; i < kMost; i++)
        if (lane + 32 * i < dim) codes[head * dim + lane + 32 * i] = (signed char)code[i];
    if (lane == 0) {
        scales[head] = scale;
        sums[head] = sum;
    }
}
