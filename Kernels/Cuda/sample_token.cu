// sample_token: the token of each row of logits, as Kernels/Sampling/TokenSampler chooses it: repetition penalty, temperature, top-k, top-p, min-p;
// order of tokens: logit descending, id ascending. A weight is rint(exp((logit - largest)/temperature)·2^30), so sums are exact in any order.
//
//   logits   f32 [rows, vocab]; those of penalised tokens are changed            parameters [rows]           penalty_ids: all rows' lists
//   states   [rows], zeroed once; the kernels leave them ready for the next launch   ids [rows]: the token, or -1 where the row has no sound logit
//
// sample_largest: 32 blocks a row find the first token in order; greedy rows are done. sample_drawn, for the other rows: a block keeps its part's
// candidates, the tokens whose weight can be more than 0, ids ascending:
//
//   candidates  [part 0 ....|part 1 ..    |part 2 .|      ] at [rows, vocab]: order (key of the logit, ~id) and weight
//
// and the last block of a row to finish chooses from them, a warp a part. The last token that top-k or top-p keeps is found two bits of its order
// at a time, by how many tokens (or how much weight) lie at or above three bounds; a bound below which only one token is left ends the search.
// next_step makes a step's tokens the next step's input, so that decoding need not wait for the host.
// Limits: vocab < 2^24; temperature, penalty, top-p and min-p finite, penalty above 0 (C# gives other rows to the host).
#include "arithmetic.cuh"
#include "ptx.cuh"

typedef unsigned long long u64;

constexpr int kParts = 32;  // of a row: one a block, and one a warp of the block that chooses
constexpr int kLargestThreads = 256;
constexpr int kDrawThreads = 32 * kParts;
constexpr float kOne = 1073741824.0f;      // the largest weight
constexpr float kLowestScaled = -22.0f;    // e^-22·2^30 is 0.3: weights below are 0
constexpr float kLargestFloat = 3.402823466e38f;
constexpr int kLimbBits = 26;              // 32 limbs' sum fits 32 bits

// As GpuSampler packs it.
struct SampleParameters {
    u64 seed;
    i64 position;
    float temperature;  // 0: greedy
    int top_k;          // 0: all
    float top_p, min_p, penalty;
    int penalty_start, penalty_count;
    int is_skipped;  // the host samples this row
};

struct SampleState {
    u64 best;                      // while sample_largest runs: the first order so far
    u64 first;                     // the first order of the row
    u32 faults, arrived, fault, counts[kParts];
};

// Floats in order as unsigned numbers, the two zeros as one.
__device__ __forceinline__ u32 key_of(float logit) {
    const u32 bits = __float_as_uint(__fadd_rn(logit, 0.0f));
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float logit_of(u32 key) { return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key); }

// The place of a token in the order: larger is earlier.
__device__ __forceinline__ u64 order_of(float logit, int id) { return (u64)key_of(logit) << 32 | ~(u32)id; }
__device__ __forceinline__ int id_of(u64 order) { return (int)~(u32)order; }

__device__ __forceinline__ bool is_finite(float x) { return fabsf(x) <= kLargestFloat; }

// CTRL's penalty; minus infinity stays, and nothing becomes infinite.
__device__ __forceinline__ void penalise(float* logits, const SampleParameters& row, const int* penalty_ids, int from, int to) {
    for (int i = threadIdx.x; i < row.penalty_count; i += blockDim.x) {
        const int id = penalty_ids[row.penalty_start + i];
        if (id < from || id >= to || !is_finite(logits[id])) continue;
        const float value = logits[id] > 0.0f ? __fdiv_rn(logits[id], row.penalty) : __fmul_rn(logits[id], row.penalty);
        logits[id] = fminf(fmaxf(value, -kLargestFloat), kLargestFloat);
    }
}

__device__ __forceinline__ int part_length(int vocab) { return (vocab + kParts - 1) / kParts; }

__device__ __forceinline__ u64 warp_largest(u64 order) {
    const u32 high = __reduce_max_sync(kFullWarp, (u32)(order >> 32));
    const u32 low = __reduce_max_sync(kFullWarp, (u32)(order >> 32) == high ? (u32)order : 0u);
    return (u64)high << 32 | low;
}

// Grid (32, rows), 256 threads.
extern "C" __global__ void __launch_bounds__(kLargestThreads) sample_largest(float* logits, int vocab, const SampleParameters* parameters,
    const int* penalty_ids, SampleState* states, int* ids) {
    __shared__ u64 best_of_warp[kLargestThreads / 32];
    grid_wait();
    grid_release();
    const SampleParameters row = parameters[blockIdx.y];
    if (row.is_skipped) return;
    float* mine = logits + (i64)blockIdx.y * vocab;
    const int length = part_length(vocab), from = blockIdx.x * length, to = min(from + length, vocab);
    if (row.penalty_count > 0 && row.penalty != 1.0f) {
        penalise(mine, row, penalty_ids, from, to);
        __syncthreads();
    }
    u64 best = 0;
    bool broken = false;
#pragma unroll 8
    for (int id = from + threadIdx.x; id < to; id += kLargestThreads) {
        const float logit = mine[id];
        // NaN, or plus infinity.
        if (!(logit <= kLargestFloat)) broken = true;
        else best = max(best, order_of(logit, id));
    }
    best = warp_largest(best);
    const int any_broken = __syncthreads_or(broken);
    if (threadIdx.x % 32 == 0) best_of_warp[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int w = 0; w < kLargestThreads / 32; w++) best = max(best, best_of_warp[w]);
    SampleState* state = states + blockIdx.y;
    atomicMax(&state->best, best);
    if (any_broken) atomicOr(&state->faults, 1u);
    __threadfence();
    if (atomicAdd(&state->arrived, 1u) != kParts - 1) return;
    __threadfence();
    best = atomicExch(&state->best, (u64)0);
    const bool fault = atomicExch(&state->faults, 0u) != 0 || best == 0 || !is_finite(logit_of((u32)(best >> 32)));
    state->arrived = 0;
    state->first = best;
    state->fault = fault;
    ids[blockIdx.y] = fault ? -1 : id_of(best);
}

// Philox4x32-10, the first word; draw 0.
__device__ __forceinline__ float philox_uniform(u64 seed, i64 position) {
    u32 k0 = (u32)seed, k1 = (u32)(seed >> 32), x0 = (u32)position, x1 = (u32)((u64)position >> 32), x2 = 0, x3 = 0;
    for (int round = 0; round < 10; round++) {
        const u64 a = (u64)0xD2511F53u * x0, b = (u64)0xCD9E8D57u * x2;
        x0 = (u32)(b >> 32) ^ x1 ^ k0;
        x1 = (u32)b;
        x2 = (u32)(a >> 32) ^ x3 ^ k1;
        x3 = (u32)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return __fmul_rn((float)(x0 >> 8), 1.0f / 16777216.0f);
}

__device__ __forceinline__ u64 warp_sum(u64 value) {
    const u32 low = __reduce_add_sync(kFullWarp, (u32)value & ((1u << kLimbBits) - 1)), high = __reduce_add_sync(kFullWarp, (u32)(value >> kLimbBits));
    return low + ((u64)high << kLimbBits);
}

// What lies at or above three bounds, in the whole row.
struct Measure {
    u64 weight[3];
    u32 count[3];
};

// A warp's part of the candidates, and the memory through which the warps of the block meet.
struct Candidates {
    const u64* orders;
    const u32* weights;
    int count;
    Measure (*meeting)[kParts];  // [2]
    int turn;

    template <typename Body>
    __device__ __forceinline__ void each(Body body) const {
        for (int i = threadIdx.x % 32; i < count; i += 32) body(orders[i], weights[i]);
    }

    __device__ __forceinline__ Measure sum(const Measure& own) {
        const int lane = threadIdx.x % 32;
        Measure warp;
#pragma unroll
        for (int i = 0; i < 3; i++) {
            warp.weight[i] = warp_sum(own.weight[i]);
            warp.count[i] = __reduce_add_sync(kFullWarp, own.count[i]);
        }
        // Two places in turn: a warp may be a barrier ahead of one that still reads.
        turn ^= 1;
        if (lane == 0) meeting[turn][threadIdx.x / 32] = warp;
        __syncthreads();
        const Measure other = meeting[turn][lane];
        Measure all;
#pragma unroll
        for (int i = 0; i < 3; i++) {
            all.weight[i] = warp_sum(other.weight[i]);
            all.count[i] = __reduce_add_sync(kFullWarp, other.count[i]);
        }
        return all;
    }

    // Of all that lies at or above each bound, and at or above `floor`.
    __device__ __forceinline__ Measure above(const u64 (&bounds)[3], u64 floor) {
        Measure own = {};
        each([&](u64 order, u32 weight) {
            if (order < floor) return;
#pragma unroll
            for (int i = 0; i < 3; i++)
                if (order >= bounds[i]) {
                    own.weight[i] += weight;
                    own.count[i]++;
                }
        });
        return sum(own);
    }

    // The bound at or above which lies the shortest beginning of the order that reaches `needed`, of tokens or of weight, of the `kept` tokens
    // at or above `floor`.  lowest_key, highest_key: between them lie all keys.
    __device__ __forceinline__ u64 cut(u64 needed, bool by_weight, u64 floor, u32 kept, u32 lowest_key, u32 highest_key, int id_bits) {
        const int key_bits = (33 - __clz((int)(lowest_key ^ highest_key))) / 2 * 2;
        u64 bound = (((u64)highest_key >> key_bits) << key_bits) << 32;
        u32 here = kept, beyond = 0;  // tokens at or above the bound, and at or above the next one that is too high
        int shift = 32 + key_bits - 2;
        while (shift >= 0 && here - beyond > 1) {
            if (shift < 32 && shift >= id_bits) {
                // Every ~id has these bits.
                bound |= 0xffffffffu & ~((1u << id_bits) - 1);
                shift = id_bits - 2;
            }
            const u64 bounds[3] = {bound + ((u64)1 << shift), bound + ((u64)2 << shift), bound + ((u64)3 << shift)};
            const Measure found = above(bounds, floor);
            int digit = 0;
#pragma unroll
            for (int i = 0; i < 3; i++)
                if ((by_weight ? found.weight[i] : (u64)found.count[i]) >= needed) digit = i + 1;
#pragma unroll
            for (int i = 0; i < 3; i++) {
                if (digit == i) beyond = found.count[i];
                if (digit == i + 1) {
                    bound = bounds[i];
                    here = found.count[i];
                }
            }
            shift -= 2;
        }
        return max(bound, floor);
    }
};

// Keeps a part's candidates and returns how many there are.
__device__ __forceinline__ int keep_candidates(const float* logits, int from, int to, float largest, float temperature, u64* orders, u32* weights,
    int* counts) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int kept = 0;
    for (int start = from; start < to; start += kDrawThreads) {
        const int id = start + threadIdx.x;
        const float logit = id < to ? logits[id] : kLowest;
        const float scaled = __fdiv_rn(__fsub_rn(logit, largest), temperature);
        const bool keeps = scaled >= kLowestScaled;
        const u32 ballot = __ballot_sync(kFullWarp, keeps);
        __syncthreads();
        if (lane == 0) counts[warp] = __popc(ballot);
        __syncthreads();
        const int others = counts[lane], before = __reduce_add_sync(kFullWarp, lane < warp ? others : 0);
        const int at = kept + before + __popc(ballot & ((1u << lane) - 1));
        kept += __reduce_add_sync(kFullWarp, others);
        if (keeps) {
            orders[from + at] = order_of(logit, id);
            weights[from + at] = (u32)rintf(__fmul_rn(exact_exp(scaled), kOne));
        }
    }
    return kept;
}

// The first token, ids ascending, at which the running sum of the weights that `keeps` passes u of the whole.
template <typename Keeps>
__device__ __forceinline__ void pick(Candidates& candidates, u64* sums, float u, int* id, Keeps keeps) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    u64 own = 0;
    candidates.each([&](u64 order, u32 weight) { own += keeps(order, weight) ? weight : 0; });
    own = warp_sum(own);
    __syncthreads();
    if (lane == 0) sums[warp] = own;
    __syncthreads();
    const u64 other = sums[lane], whole = warp_sum(other);
    u64 sum = warp_sum(lane < warp ? other : 0);
    const double target = __dmul_rn((double)u, (double)whole);
    if ((double)sum > target || !((double)(sum + own) > target)) return;
    for (int start = 0; start < candidates.count; start += 32) {
        const int i = start + lane;
        const u64 order = i < candidates.count ? candidates.orders[i] : 0;
        const u32 weight = i < candidates.count ? candidates.weights[i] : 0;
        u64 running = i < candidates.count && keeps(order, weight) ? weight : 0;
#pragma unroll
        for (int step = 1; step < 32; step *= 2) {
            const u64 left = __shfl_up_sync(kFullWarp, running, step);
            running += lane >= step ? left : 0;
        }
        running += sum;
        const u32 passed = __ballot_sync(kFullWarp, (double)running > target);
        if (passed) {
            if (lane == __ffs((int)passed) - 1) *id = id_of(order);
            return;
        }
        sum = __shfl_sync(kFullWarp, running, 31);
    }
}

// A row's draw, by one block.
__device__ __forceinline__ void choose(Candidates& candidates, const SampleParameters& row, u64 first, int vocab, u64* sums, int* id) {
    Measure own = {};
    u32 lowest = 0xffffffffu;
    candidates.each([&](u64 order, u32 weight) {
        own.weight[0] += weight;
        own.count[0]++;
        lowest = min(lowest, (u32)(order >> 32));
    });
    // The smallest by way of the largest complement.
    lowest = __reduce_max_sync(kFullWarp, ~lowest);
    const int lane = threadIdx.x % 32;
    if (lane == 0) sums[threadIdx.x / 32] = lowest;
    const Measure all = candidates.sum(own);
    lowest = ~__reduce_max_sync(kFullWarp, (u32)sums[lane]);
    const u32 highest = (u32)(first >> 32);
    const int id_bits = (33 - __clz(vocab)) / 2 * 2;

    u64 floor = 0, whole = all.weight[0];
    u32 kept = all.count[0];
    if (row.top_k > 0 && (u32)row.top_k < kept) {
        kept = row.top_k;
        floor = candidates.cut(kept, false, 0, all.count[0], lowest, highest, id_bits);
        const u64 bounds[3] = {floor, ~(u64)0, ~(u64)0};
        whole = candidates.above(bounds, floor).weight[0];
    }
    if (!(row.top_p >= 1.0f)) {
        const double target = __dmul_rn((double)row.top_p, (double)whole);
        // The smallest whole number that is not below the target; at least one token stays.
        const u64 below = target > 1.0 ? (u64)target : 1;
        floor = candidates.cut(below + ((double)below < target), true, floor, kept, lowest, highest, id_bits);
    }
    const bool limits = !(row.min_p <= 0.0f);
    const float limit = __fmul_rn(row.min_p, kOne);
    pick(candidates, sums, philox_uniform(row.seed, row.position), id,
        [&](u64 order, u32 weight) { return order >= floor && (!limits || (float)weight >= limit || order == first); });
}

// Grid (32, rows), 1024 threads. orders, weights: [rows, vocab], for the candidates.
extern "C" __global__ void __launch_bounds__(kDrawThreads) sample_drawn(const float* logits, int vocab, const SampleParameters* parameters,
    SampleState* states, u64* orders, u32* weights, int* ids) {
    __shared__ int counts[kParts];
    __shared__ Measure meeting[2][kParts];
    __shared__ u64 sums[kParts];
    __shared__ bool is_last;
    grid_wait();
    grid_release();
    const SampleParameters row = parameters[blockIdx.y];
    SampleState* state = states + blockIdx.y;
    if (row.is_skipped || row.temperature == 0.0f || state->fault) return;
    const i64 start = (i64)blockIdx.y * vocab;
    const u64 first = state->first;
    const int length = part_length(vocab), from = min((int)blockIdx.x * length, vocab), to = min(from + length, vocab);
    const int kept = keep_candidates(logits + start, from, to, logit_of((u32)(first >> 32)), row.temperature, orders + start, weights + start, counts);
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        state->counts[blockIdx.x] = kept;
        __threadfence();
        is_last = atomicAdd(&state->arrived, 1u) == kParts - 1;
    }
    __syncthreads();
    if (!is_last) return;
    __threadfence();
    const int warp = threadIdx.x / 32;
    const i64 mine = start + min(warp * length, vocab);
    Candidates candidates = {orders + mine, weights + mine, (int)state->counts[warp], meeting, 0};
    choose(candidates, row, first, vocab, sums, ids + blockIdx.y);
    if (threadIdx.x == 0) state->arrived = 0;
}

// What the next step of the same sequences needs, in place: its token ids, positions and sampling. history [rows] keeps the tokens for the host.
// One block, a thread a row.
extern "C" __global__ void next_step(const int* ids, SampleParameters* parameters, int* tokens, int* positions, int* history, int rows) {
    grid_wait();
    grid_release();
    const int row = threadIdx.x;
    if (row >= rows) return;
    history[row] = ids[row];
    tokens[row] = max(ids[row], 0);  // a row that could not be sampled: what it computes from here on is thrown away
    positions[row]++;
    parameters[row].position++;
}
