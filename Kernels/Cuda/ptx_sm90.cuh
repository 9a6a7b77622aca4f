// Hopper instructions that CUDA C++ has no name for: mbarrier, bulk copies, clusters, setmaxnreg. Compiles with NVRTC, no host header.
// Addresses of shared memory are 32-bit (`smem_address`). A "slot" is one stage of a copy pipeline with a full and an empty barrier.
// Source: PTX ISA 8.0 and later, "Parallel Synchronization and Communication" and "Data Movement".
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

// Layout-compatible with the driver's CUtensorMap, which cuTensorMapEncodeTiled fills.
struct alignas(64) TensorMap { u64 opaque[16]; };

__device__ __forceinline__ u32 smem_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }

__device__ __forceinline__ u32 cluster_rank() {
    u32 r;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
    return r;
}

__device__ __forceinline__ void cluster_arrive() { asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory"); }
__device__ __forceinline__ void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }
__device__ __forceinline__ void cluster_sync() { cluster_arrive(); cluster_wait(); }

// A cluster barrier that orders nothing: keeps the CTAs of a cluster alive until all are here.
__device__ __forceinline__ void cluster_linger() {
    asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

// The same shared-memory offset in CTA `rank` of the cluster.
__device__ __forceinline__ u32 peer_address(u32 address, u32 rank) {
    u32 r;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(r) : "r"(address), "r"(rank));
    return r;
}

__device__ __forceinline__ int peer_load(u32 address) {
    int r;
    asm volatile("ld.shared::cluster.s32 %0, [%1];" : "=r"(r) : "r"(address) : "memory");
    return r;
}

__device__ __forceinline__ void barrier_init(u32 barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// Makes initialised barriers visible to the copy engine and to the other CTAs of the cluster; follow it with a cluster barrier.
__device__ __forceinline__ void barrier_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ __forceinline__ void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// `barrier` may lie in another CTA of the cluster (peer_address). No `.release.cluster`: that waits for every access of the thread to
// finish at GPU scope. Enough for telling a copy engine that shared memory has been read; not for publishing what was written.
__device__ __forceinline__ void barrier_arrive_peer(u32 barrier) {
    asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// Waits until the phase of this parity is complete.
__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra finished;\n"
        "bra again;\n"
        "finished:\n"
        "}\n" ::"r"(barrier), "r"(parity) : "memory");
}

// Contiguous global -> shared; 16-byte aligned, bytes a multiple of 16.
__device__ __forceinline__ void copy_bulk(u32 destination, const void* source, u32 bytes, u32 barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                 ::"r"(destination), "l"(source), "r"(bytes), "r"(barrier) : "memory");
}

// A box of a 2-d tensor -> the same offset in every CTA of `mask`, each CTA's own barrier being told of the bytes.
// What lies outside the tensor arrives as zeros and counts as bytes too.
__device__ __forceinline__ void copy_tensor_multicast(u32 destination, const TensorMap* map, int column, int row, u32 barrier, unsigned short mask) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;"
        ::"r"(destination), "l"(map), "r"(column), "r"(row), "r"(barrier), "h"(mask) : "memory");
}

__device__ __forceinline__ void prefetch_tensor_map(const TensorMap* map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

template <int Registers>
__device__ __forceinline__ void give_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers)); }
template <int Registers>
__device__ __forceinline__ void take_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers)); }

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Waits until at most `Pending` committed groups of this warp are still running.
template <int Pending>
__device__ __forceinline__ void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory"); }

// Matrix descriptor of a K-major tile of 128-byte rows in the 128-byte swizzle, 1024-byte aligned; 8 rows are 1024 bytes apart.
// The next 32 bytes of K are at +2.
__device__ __forceinline__ u64 swizzled_tile(u32 address) {
    return (u64)((address & 0x3FFFF) >> 4) | (u64)1 << 16 | (u64)(1024 >> 4) << 32 | (u64)1 << 62;
}
