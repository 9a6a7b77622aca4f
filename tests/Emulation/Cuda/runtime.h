// What the emulated kernels and the emulator's library share. One block runs at a time, its threads as fibers of the thread that launched it.
// Both sides include this without any system header: kernels are compiled as NVRTC compiles them.
#pragma once

namespace emulator {

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

struct Index {
    u32 x, y, z;
};

// What a kernel's module says of it; the translator writes one for each kernel, named emulated_<kernel>.
struct Kernel {
    void (*run)(void** arguments);  // in one thread of a block
    const u32* sizes;               // bytes of each parameter, then 0
    int most_threads;               // of __launch_bounds__; 1024 without
    int cluster;                    // blocks of a cluster, along x; 1 without
    void* (*shared)();              // some byte of the module's static shared memory
};

// Dynamic shared memory, 1024-byte aligned.
extern u8* dynamic_shared;

// Ends the launch with an error.
[[noreturn]] void fail(const char* format, ...);

// __syncthreads. `vote` of all threads are combined: and, or, sum.
struct Votes {
    int all, any, sum;
};
Votes barrier(int vote);

// Meets the other living lanes of `mask`; the last to come runs `complete` over what the lanes brought (null for a lane that is not there).
typedef void (*Complete)(void* const (&lanes)[32], u32 mask);
void meet(u32 mask, const char* what, void* brought, Complete complete);

u32 lane_of_thread();

// cp.async: of `bytes`, the first `valid` come from `source`, the rest are zeros. In every other block copies happen as late as they may,
// in the others at once, so that both a missing wait and a source that is overwritten too early show.
void copy_later(void* target, const void* source, u32 bytes, u32 valid);
void copies_commit();
void copies_wait(int pending);

// 32-bit addresses of shared memory: dynamic memory from 0, static memory from 2^24; the dynamic memory of block r of the cluster from (r + 1)·2^25.
u32 shared_address(const void* p);
void* shared_pointer(u32 address);
u32 peer_address(u32 address, u32 rank);

// Clusters along x.
u32 cluster_rank();
void cluster_arrive();
void cluster_wait();

// mbarriers: 64 bits in shared memory. `barrier_try_wait` waits until the phase of that parity is complete.
void barrier_init(u32 address, u32 arrivals);
void barrier_arrive(u32 address, u32 expected_bytes);
void barrier_wait(u32 address, u32 parity);

// Copies that tell an mbarrier of their bytes: done only when nobody else can go on, or at once in every other block.
void copy_bulk(u32 target, const void* source, u32 bytes, u32 barrier);
void copy_box(u32 target, const void* map, int column, int row, u32 barrier, u32 blocks);

// What cuTensorMapEncodeTiled writes: a matrix of bytes, copied box by box into the 128-byte swizzle.
struct BoxMap {
    u64 address, columns, rows, pitch;
    u32 box_columns, box_rows;
};

// d[16 x 8] = c + a[16 x 32]·b[32 x 8] of bytes, fragments as in the PTX ISA.
struct ByteFragments {
    u32 a[4], b[2];
    int c[4], d[4];
};
template <bool SignedA, bool SignedB>
void multiply_bytes(void* const (&lanes)[32], u32 mask);

// wgmma of signed bytes, the share of one warp: d[16 x 8·tiles] = a[16 x 32]·b + (add ? d : 0), b [8·tiles x 32] in shared memory.
struct GroupFragments {
    u32 a[4];
    u64 descriptor;
    bool add;
    int tiles;
    int* d[128];  // [tiles][4]
};
void multiply_shared(void* const (&lanes)[32], u32 mask);

}  // namespace emulator

extern emulator::Index threadIdx, blockIdx, blockDim, gridDim;
