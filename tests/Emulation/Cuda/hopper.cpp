// Clusters, mbarriers and the copies that report to them, shared addresses.
#include "fibers.h"

namespace emulator {
namespace {

constexpr u32 kStaticFrom = 1 << 24, kPeerFrom = 1 << 25;
const char kClusterWait[] = "barrier.cluster.wait", kBarrierWait[] = "mbarrier.try_wait";

// Of the 64 bits of an mbarrier. A phase ends when nobody is expected to arrive and no byte is under way.
struct Barrier {
    unsigned short arrivals, pending;
    int bytes : 31;
    unsigned phase : 1;
};
static_assert(sizeof(Barrier) == 8);

struct BulkCopy {
    u32 target, bytes, barrier;
    const void* source;  // or
    const BoxMap* map;   // a box of this at
    int column, row;
    u32 block;           // of the cluster, whose shared memory it is
};

u32 arrived, phase;
std::vector<BulkCopy> under_way;

u32 alive() {
    u32 sum = 0;
    for (u32 b = 0; b < cluster; b++) sum += blocks[b].alive;
    return sum;
}

template <class Matches>
void wake(Matches matches) {
    for (u32 i = 0; i < cluster * kMostThreads; i++)
        if (i % kMostThreads < threads && !fibers[i].is_done && fibers[i].waits_for && matches(fibers[i])) push(i);
}

void end_cluster_barrier() {
    if (arrived == 0 || arrived != alive()) return;
    arrived = 0;
    phase++;
    wake([](const Fiber& f) { return f.waits_for == kClusterWait; });
}

void* pointer(u32 address, u32 block) {
    if (address >= kPeerFrom) {
        block = address / kPeerFrom - 1;
        address %= kPeerFrom;
        if (block >= cluster) fail("%08x is no address of the cluster", address);
        if (!blocks[block].alive) fail("shared memory of block %u of the cluster, which has ended", block);
    }
    if (address < running->shared_bytes) return blocks[block].dynamic_shared + address;
    if (cluster == 1 && address - kStaticFrom < running->static_bytes) return running->static_shared + (address - kStaticFrom);
    fail("%08x is no address of shared memory", address);
}

Barrier& barrier_at(u32 address, u32 block) {
    if (address % 8) fail("the mbarrier at %08x is misaligned", address);
    return *(Barrier*)pointer(address, block);
}

void end_phase(Barrier& barrier) {
    if (barrier.pending || barrier.bytes) return;
    barrier.phase ^= 1;
    barrier.pending = barrier.arrivals;
    wake([&](const Fiber& f) { return f.waits_for == kBarrierWait && f.barrier == &barrier; });
}

// 128-byte swizzle: the 16-byte piece of a 128-byte row is moved by the row.
u32 swizzle(u32 address) { return address ^ (address >> 7 & 7) << 4; }

void perform(const BulkCopy& copy) {
    if (copy.map) {
        const BoxMap& map = *copy.map;
        for (u32 r = 0; r < map.box_rows; r++)
            for (u32 c = 0; c < map.box_columns; c++) {
                const bool is_inside = copy.row + r < map.rows && copy.column + c < map.columns;
                *(u8*)pointer(swizzle(copy.target + r * map.box_columns + c), copy.block) =
                    is_inside ? ((const u8*)map.address)[(copy.row + r) * map.pitch + copy.column + c] : 0;
            }
    } else {
        pointer(copy.target + copy.bytes - 1, copy.block);
        memcpy(pointer(copy.target, copy.block), copy.source, copy.bytes);
    }
    Barrier& barrier = barrier_at(copy.barrier, copy.block);
    barrier.bytes -= copy.bytes;
    end_phase(barrier);
}

void start(const BulkCopy& copy) {
    if (is_odd) perform(copy);
    else under_way.push_back(copy);
}

}  // namespace

void start_cluster() {
    arrived = phase = 0;
    under_way.clear();
    if (cluster > 1 && running->static_bytes > 64) fail("static shared memory in a cluster is not emulated");
}

void after_end_of_thread() { end_cluster_barrier(); }

bool finish_a_copy() {
    if (under_way.empty()) return false;
    const BulkCopy copy = under_way.front();
    under_way.erase(under_way.begin());
    perform(copy);
    return true;
}

u32 cluster_rank() { return current / kMostThreads; }

void cluster_arrive() {
    fibers[current].cluster_phase = phase;
    arrived++;
    end_cluster_barrier();
}

void cluster_wait() {
    if (fibers[current].cluster_phase == phase) wait_for(kClusterWait);
}

void barrier_init(u32 address, u32 arrivals) {
    const auto count = (unsigned short)arrivals;
    barrier_at(address, cluster_rank()) = {count, count, 0, 0};
}

void barrier_arrive(u32 address, u32 expected_bytes) {
    Barrier& barrier = barrier_at(address, cluster_rank());
    if (barrier.pending == 0) fail("more arrivals at the mbarrier at %08x than it expects", address);
    barrier.bytes += expected_bytes;
    barrier.pending--;
    end_phase(barrier);
}

void barrier_wait(u32 address, u32 parity) {
    const Barrier& barrier = barrier_at(address, cluster_rank());
    while (barrier.phase == (parity & 1)) {
        fibers[current].barrier = &barrier;
        fibers[current].mask = address;
        wait_for(kBarrierWait);
    }
}

void copy_bulk(u32 target, const void* source, u32 bytes, u32 barrier) {
    if (target % 16 || (u64)source % 16 || bytes % 16) fail("a bulk copy of %u bytes from %p to %08x is misaligned", bytes, source, target);
    start({target, bytes, barrier, source, nullptr, 0, 0, cluster_rank()});
}

void copy_box(u32 target, const void* map, int column, int row, u32 barrier, u32 mask) {
    const auto box = (const BoxMap*)map;
    if (target % 1024) fail("a box at %08x: the swizzle repeats every 1024 bytes", target);
    for (u32 b = 0; b < cluster; b++)
        if (mask >> b & 1) start({target, box->box_columns * box->box_rows, barrier, nullptr, box, column, row, b});
}

u32 shared_address(const void* p) {
    const size_t dynamic = (const u8*)p - dynamic_shared, fixed = (const u8*)p - running->static_shared;
    if (dynamic <= running->shared_bytes) return (u32)dynamic;
    if (fixed < running->static_bytes) return (u32)(kStaticFrom + fixed);
    fail("%p is no address of shared memory", p);
}

void* shared_pointer(u32 address) { return pointer(address, cluster_rank()); }

u32 peer_address(u32 address, u32 rank) { return address + (rank + 1) * kPeerFrom; }

}  // namespace emulator
