// Threads of a block as fibers: each runs until it waits or ends, then the next one in the queue does. Nothing left in the queue while somebody
// waits is a deadlock. In every other block threads start in descending order, so that a missing barrier shows in one of the two.
#include "fibers.h"

#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

emulator::Index threadIdx, blockIdx, blockDim, gridDim;

// Saves the registers that a call preserves on this stack and goes on where the other one was left.
extern "C" void emulator_switch(void** left, void* entered);
asm(R"(
.text
.type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_switch, .-emulator_switch
)");

namespace emulator {

u8* dynamic_shared;
Fiber fibers[kFibers];
Block blocks[kMostBlocks];
u32 current, threads, cluster;
bool is_odd;
const Launch* running;

namespace {

constexpr size_t kStackBytes = 256 * 1024, kPage = 4096;
constexpr u8 kPoison = 0xff;

u8 *stacks, *shared_memory;
u32 queue[kFibers];  // a ring of threads that can run
size_t queue_first, queue_count;
void* main_stack;
pthread_t owner;
jmp_buf give_up;
std::string report;
Outcome outcome;

std::string place(u32 thread) {
    char text[300];
    const Index &t = fibers[thread].at, &blockIdx = block_of(thread).at;
    snprintf(text, sizeof text, "block (%u, %u, %u), thread (%u, %u, %u)", blockIdx.x, blockIdx.y, blockIdx.z, t.x, t.y, t.z);
    return text;
}

std::string deadlock() {
    std::string text = "no thread can go on:";
    const Fiber* before = nullptr;
    int shown = 0;
    for (u32 i = 0; i < cluster * kMostThreads; i++) {
        const Fiber& fiber = fibers[i];
        if (i % kMostThreads >= threads || fiber.is_done) continue;
        const bool is_same = before && before->waits_for == fiber.waits_for && before->mask == fiber.mask;
        before = &fiber;
        if (is_same || shown++ >= 6) continue;
        char line[200];
        snprintf(line, sizeof line, " from thread %u of block %u on they wait at %s (lanes %08x);", i % kMostThreads, i / kMostThreads, fiber.waits_for,
            fiber.mask);
        text += line;
    }
    return text + (shown > 6 ? " and more" : " the others have ended");
}

// Makes a thread the running one.
void enter(u32 thread) {
    current = thread;
    threadIdx = fibers[thread].at;
    blockIdx = block_of(thread).at;
    dynamic_shared = block_of(thread).dynamic_shared;
}

u32 take() {
    const u32 thread = queue[queue_first];
    queue_first = (queue_first + 1) % kFibers;
    queue_count--;
    return thread;
}

bool is_anybody_alive() {
    for (u32 b = 0; b < cluster; b++)
        if (blocks[b].alive) return true;
    return false;
}

void next() {
    Fiber& left = fibers[current];
    while (queue_count == 0) {
        if (!is_anybody_alive()) emulator_switch(&left.stack, main_stack);
        if (!finish_a_copy()) fail("%s", deadlock().c_str());
    }
    enter(take());
    if (&left != &fibers[current]) emulator_switch(&left.stack, fibers[current].stack);
}

Warp& warp_of(u32 thread) { return block_of(thread).warps[thread % kMostThreads / 32]; }

// Runs what a warp met for; the running thread's warp.
void end_meeting(Meeting& meeting) {
    Warp& warp = warp_of(current);
    const u32 first = current & ~31u;
    if (meeting.come != 0xffffffff)
        for (u32 lane = 0; lane < 32; lane++)
            if (!(meeting.come >> lane & 1)) meeting.brought[lane] = nullptr;
    meeting.complete(meeting.brought, meeting.come);
    for (u32 i = 0; i < 32; i++) {
        const u32 lane = is_odd ? 31 - i : i;
        if ((meeting.come >> lane & 1) && first + lane != current) push(first + lane);
    }
    Meeting& last = warp.meetings[--warp.count];
    if (&meeting != &last) meeting = last;
}

// After a lane has ended: those that waited only for it go on.
void end_meetings() {
    Warp& warp = warp_of(current);
    for (u32 m = 0; m < warp.count;) {
        if ((warp.meetings[m].mask & warp.alive) != warp.meetings[m].come) m++;
        else end_meeting(warp.meetings[m]);
    }
}

bool end_barrier() {
    Block& block = block_of(current);
    if (block.at_barrier == 0 || block.at_barrier != block.alive) return false;
    block.finished_votes = block.votes;
    block.at_barrier = 0;
    block.votes = {1, 0, 0};
    for (u32 i = 0; i < threads; i++) {
        const u32 thread = current / kMostThreads * kMostThreads + (is_odd ? threads - 1 - i : i);
        if (!fibers[thread].is_done && thread != current) push(thread);
    }
    return true;
}

void thread_main() {
    running->kernel->run(running->arguments);
    fibers[current].is_done = true;
    warp_of(current).alive &= ~(1u << current % 32);
    block_of(current).alive--;
    end_meetings();
    end_barrier();
    after_end_of_thread();
    next();
    __builtin_trap();
}

void prepare_thread(u32 thread) {
    Fiber& fiber = fibers[thread];
    auto top = (void**)(stacks + (thread + 1) * (kStackBytes + kPage));
    *--top = nullptr;  // the return address of thread_main, which has none
    *--top = (void*)thread_main;
    for (int r = 0; r < 6; r++) *--top = nullptr;
    const u32 i = thread % kMostThreads;
    fiber.stack = top;
    fiber.at = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    fiber.is_done = false;
    fiber.barrier = nullptr;
    fiber.mask = 0;
    fiber.copies.clear();
    fiber.group = 0;
    push(thread);
}

void prepare_block(u32 b, Index at) {
    Block& block = blocks[b];
    block.at = at;
    block.dynamic_shared = shared_memory + b * kSharedPitch;
    block.alive = threads;
    block.at_barrier = 0;
    block.votes = {1, 0, 0};
    memset(block.dynamic_shared, kPoison, running->shared_bytes + kCanary);
    for (u32 w = 0; w < (threads + 31) / 32; w++) {
        block.warps[w].alive = threads - w * 32 >= 32 ? 0xffffffffu : (1u << (threads - w * 32)) - 1;
        block.warps[w].count = 0;
    }
    for (u32 i = 0; i < threads; i++) prepare_thread(b * kMostThreads + (is_odd ? threads - 1 - i : i));
}

// The blocks from `first` on along x.
void run_cluster(Index first) {
    queue_first = queue_count = 0;
    memset(running->static_shared, kPoison, running->static_bytes);
    for (u32 b = 0; b < cluster; b++) prepare_block(b, {first.x + b, first.y, first.z});
    start_cluster();
    enter(take());
    emulator_switch(&main_stack, fibers[current].stack);
    for (u32 b = 0; b < cluster; b++)
        for (u32 i = 0; i < kCanary; i++)
            if (blocks[b].dynamic_shared[running->shared_bytes + i] != kPoison)
                fail("byte %u of %u of dynamic shared memory was written", running->shared_bytes + i, running->shared_bytes);
}

void stop(Outcome how, const std::string& why) {
    report = running->name + ", " + place(current) + ": " + why;
    outcome = how;
    longjmp(give_up, 1);
}

struct sigaction earlier[3];
const int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE};

void on_signal(int number, siginfo_t* info, void* context) {
    const auto address = (u8*)info->si_addr;
    if (running && pthread_equal(owner, pthread_self())) {
        char text[200];
        const bool is_stack = address >= stacks && address < stacks + kFibers * (kStackBytes + kPage);
        if (number == SIGFPE) snprintf(text, sizeof text, "an integer was divided by zero");
        else if (is_stack) snprintf(text, sizeof text, "its local variables take more than %zu KiB", kStackBytes / 1024);
        else snprintf(text, sizeof text, "it touched %p, which is no memory of the device, or misaligned", (void*)address);
        stop(number == SIGFPE ? Outcome::kFailed : Outcome::kIllegalAddress, text);
    }
    for (int i = 0; i < 3; i++)
        if (kSignals[i] == number) {
            if (earlier[i].sa_flags & SA_SIGINFO) return earlier[i].sa_sigaction(number, info, context);
            if (earlier[i].sa_handler != SIG_DFL && earlier[i].sa_handler != SIG_IGN) return earlier[i].sa_handler(number);
            signal(number, SIG_DFL);  // and the instruction faults again
        }
}

void prepare_process() {
    stacks = (u8*)mmap(nullptr, kFibers * (kStackBytes + kPage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) throw std::runtime_error("no memory for the threads' stacks");
    for (u32 i = 0; i < kFibers; i++) mprotect(stacks + i * (kStackBytes + kPage), kPage, PROT_NONE);
    shared_memory = (u8*)mmap(nullptr, kMostBlocks * kSharedPitch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared_memory == MAP_FAILED) throw std::runtime_error("no memory for shared memory");
    struct sigaction mine = {};
    mine.sa_sigaction = on_signal;
    mine.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int i = 0; i < 3; i++) sigaction(kSignals[i], &mine, &earlier[i]);
}

// A handler cannot run on a stack that has overflown.
void prepare_signal_stack() {
    thread_local bool is_ready = false;
    stack_t now;
    if (!is_ready && sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE)) {
        const stack_t own = {malloc(1 << 16), 0, 1 << 16};
        sigaltstack(&own, nullptr);
    }
    is_ready = true;
}

}  // namespace

void push(u32 thread) {
    fibers[thread].waits_for = nullptr;
    queue[(queue_first + queue_count++) % kFibers] = thread;
}

void wait_for(const char* what) {
    fibers[current].waits_for = what;
    next();
}

const std::string& last_report() { return report; }

Outcome run(const Launch& launch) {
    static const bool is_prepared = (prepare_process(), true);
    static u32 launches;
    (void)is_prepared;
    prepare_signal_stack();
    owner = pthread_self();
    running = &launch;
    gridDim = launch.grid;
    blockDim = launch.block;
    outcome = Outcome::kFinished;
    launches++;
    threads = blockDim.x * blockDim.y * blockDim.z;
    cluster = launch.kernel->cluster;
    if (_setjmp(give_up) == 0)
        for (u32 z = 0; z < gridDim.z; z++)
            for (u32 y = 0; y < gridDim.y; y++)
                for (u32 x = 0; x < gridDim.x; x += cluster) {
                    is_odd = (x / cluster + y + z + launches) % 2;
                    run_cluster({x, y, z});
                }
    running = nullptr;
    return outcome;
}

void fail(const char* format, ...) {
    char text[1500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    stop(Outcome::kFailed, text);
    __builtin_unreachable();
}

u32 lane_of_thread() { return current % 32; }

Votes barrier(int vote) {
    Block& block = block_of(current);
    block.votes.all &= vote;
    block.votes.any |= vote;
    block.votes.sum += vote;
    block.at_barrier++;
    if (!end_barrier()) {
        fibers[current].mask = 0xffffffff;
        wait_for("__syncthreads");
    }
    return block.finished_votes;
}

void meet(u32 mask, const char* what, void* brought, Complete complete) {
    const u32 lane = current % 32;
    Warp& warp = warp_of(current);
    if (!(mask >> lane & 1)) fail("%s with the mask %08x, which does not name this lane", what, mask);
    u32 m = 0;
    while (m < warp.count && warp.meetings[m].mask != mask) m++;
    Meeting& meeting = warp.meetings[m];
    if (m == warp.count) {
        meeting.mask = mask;
        meeting.come = 0;
        meeting.complete = complete;
        warp.count++;
    }
    if (meeting.complete != complete) fail("%s, where other lanes of the mask %08x do something else", what, mask);
    meeting.come |= 1u << lane;
    meeting.brought[lane] = brought;
    if ((mask & warp.alive) == meeting.come) return end_meeting(meeting);
    fibers[current].mask = mask;
    wait_for(what);
}

void copy_later(void* target, const void* source, u32 bytes, u32 valid) {
    const Copy copy = {target, source, bytes, valid, fibers[current].group};
    if (is_odd) copy.perform();
    else fibers[current].copies.push_back(copy);
}

void copies_commit() { fibers[current].group++; }

void copies_wait(int pending) {
    auto& copies = fibers[current].copies;
    const auto end = std::find_if(copies.begin(), copies.end(), [&](const Copy& c) { return (int)c.group >= (int)fibers[current].group - pending; });
    std::for_each(copies.begin(), end, [](const Copy& c) { c.perform(); });
    copies.erase(copies.begin(), end);
}

}  // namespace emulator
