// apply_rope and silu_and_mul: one thread an element (or pair); bound by memory.
#include "arithmetic.cuh"

// apply_rope on halves (a, b) of each head, in place: (fma(-b, sin, a·cos), fma(a, sin, b·cos)).
// x [rows, heads, 2·half]; cos, sin [positions, half]; positions [rows]. One block a (head, row): grid (heads, rows).
extern "C" __global__ void apply_rope(float* x, const float* cos, const float* sin, const int* positions, int half) {
    float* head = x + ((i64)blockIdx.y * gridDim.x + blockIdx.x) * 2 * half;
    const i64 angle = (i64)positions[blockIdx.y] * half;
    for (int i = threadIdx.x; i < half; i += blockDim.x) {
        const float a = head[i], b = head[i + half], c = cos[angle + i], s = sin[angle + i];
        head[i] = __fmaf_rn(-b, s, __fmul_rn(a, c));
        head[i + half] = __fmaf_rn(a, s, __fmul_rn(b, c));
    }
}

// silu_and_mul: u = (gate/(1 + exp(-gate)))·up.  All [count]; u may be gate.
extern "C" __global__ void silu_and_mul(const float* gate, const float* up, float* u, i64 count) {
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x)
        u[i] = silu_and_mul_of(gate[i], up[i]);
}
