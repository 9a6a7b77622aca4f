// Threads of a cluster of blocks as fibers: the library's inner state. A block that belongs to no cluster is a cluster of one.
#pragma once
#include <cstring>
#include <vector>

#include "block.h"

namespace emulator {

constexpr u32 kFibers = kMostThreads * kMostBlocks;
constexpr size_t kCanary = 4096;           // bytes behind dynamic shared memory that must stay poison
constexpr size_t kSharedPitch = (kMostShared + kCanary + 4095) / 4096 * 4096;

struct Copy {
    void* target;
    const void* source;
    u32 bytes, valid, group;
    void perform() const {
        memcpy(target, source, valid);
        memset((u8*)target + valid, 0, bytes - valid);
    }
};

struct Fiber {
    void* stack;  // where it was left
    Index at;
    bool is_done;
    const char* waits_for;      // null while it can run
    const void* barrier;        // the mbarrier it waits for, if it does
    u32 mask;                   // the lanes it waits for
    u32 cluster_phase;          // of the cluster's barrier when it arrived
    std::vector<Copy> copies;   // cp.async, not yet done, the oldest group first
    u32 group;                  // that new ones belong to
};

// Lanes of one mask that have come.
struct Meeting {
    u32 mask, come;
    Complete complete;
    void* brought[32];
};

struct Warp {
    u32 alive, count;
    Meeting meetings[32];  // the first `count`
};

struct Block {
    Index at;
    u8* dynamic_shared;
    u32 alive, at_barrier;
    Votes votes, finished_votes;
    Warp warps[kMostThreads / 32];
};

// A thread is numbered block of the cluster * kMostThreads + thread of the block.
extern Fiber fibers[kFibers];
extern Block blocks[kMostBlocks];
extern u32 current, threads, cluster;  // the running thread; threads of a block; blocks of a cluster
extern bool is_odd;                    // every other cluster does things in another order
extern const Launch* running;          // null between launches

inline Block& block_of(u32 thread) { return blocks[thread / kMostThreads]; }

// It can run from now on.
void push(u32 thread);
// The running thread waits until somebody pushes it.
void wait_for(const char* what);

// hopper.cpp
void start_cluster();
void after_end_of_thread();
// Does one copy that is under way; false where there is none.
bool finish_a_copy();

}  // namespace emulator
