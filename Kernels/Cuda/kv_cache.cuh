// Where things lie in a paged KV cache (Kernels/Backends/KvLayout.cs) and how a batch addresses it.
#pragma once
#include "arithmetic.cuh"

// One plane (K or V) of one layer, in any page. Passed by value.
struct Plane {
    i64 offset;      // bytes from the start of a page
    int bits;        // 3 to 8, 16 or 32
    int head_bytes;  // bytes of one head at one position
};

// The batch as one array of ints: positions [rows], start of each row's block table [rows], then the block tables.
struct Batch {
    const int* ints;
    int rows;
    __device__ __forceinline__ int position(int row) const { return ints[row]; }
    __device__ __forceinline__ int page(int row, int index) const { return ints[2 * rows + ints[rows + row] + index]; }
};

__device__ __forceinline__ u8* plane_of(u8* cache, i64 page_bytes, int page, const Plane& plane) {
    return cache + page * page_bytes + plane.offset;
}

// FP16 scale of a head at a slot; the minimum lies kv_heads·64 elements further.
__device__ __forceinline__ u16* scale_of(u8* plane, int head_bytes, int kv_heads, int head, int slot) {
    return (u16*)(plane + (i64)kv_heads * kPageSize * head_bytes) + head * kPageSize + slot;
}
