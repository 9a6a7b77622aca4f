// Threads of a block as fibers: each runs until it waits or ends, then the next one in the queue does. Nothing left in the queue while somebody
// waits is a deadlock. In every other block threads start in descending order, so that a missing barrier shows in one of the two.
#include "block.h"

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

namespace {

constexpr size_t kStackBytes = 256 * 1024, kPage = 4096, kCanary = 4096;
constexpr u8 kPoison = 0xff;

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
    const char* waits_for;  // null while it can run
    u32 mask;
    std::vector<Copy> copies;  // not yet done, the oldest group first
    u32 group;                 // that new ones belong to
};

// Lanes of one mask that have come.
struct Meeting {
    u32 mask, come;
    Complete complete;
    void* brought[32];
};

struct Warp {
    u32 alive;
    std::vector<Meeting> meetings;
};

Fiber fibers[kMostThreads];
Warp warps[kMostThreads / 32];
u8* stacks;
std::vector<u32> queue;  // a ring of threads that can run
size_t queue_first, queue_count;
u32 threads, current, alive, at_barrier;
bool is_odd;
Votes votes, finished_votes;
void* main_stack;
const Launch* running;  // null between launches
pthread_t owner;
jmp_buf give_up;
std::string report;
Outcome outcome;

void push(u32 thread) {
    fibers[thread].waits_for = nullptr;
    queue[(queue_first + queue_count++) % kMostThreads] = thread;
}

std::string place(u32 thread) {
    char text[300];
    const Index& t = fibers[thread].at;
    snprintf(text, sizeof text, "block (%u, %u, %u), thread (%u, %u, %u)", blockIdx.x, blockIdx.y, blockIdx.z, t.x, t.y, t.z);
    return text;
}

std::string deadlock() {
    std::string text = "no thread of the block can go on:";
    int shown = 0;
    for (u32 i = 0; i < threads; i++) {
        const Fiber& fiber = fibers[i];
        if (fiber.is_done || (i > 0 && !fibers[i - 1].is_done && fibers[i - 1].waits_for == fiber.waits_for && fibers[i - 1].mask == fiber.mask)) continue;
        if (shown++ == 6) {
            text += " ...";
            break;
        }
        char line[200];
        snprintf(line, sizeof line, " from thread %u on they wait at %s (lanes %08x);", i, fiber.waits_for ? fiber.waits_for : "nothing", fiber.mask);
        text += line;
    }
    return text + " the other threads have ended";
}

void next() {
    Fiber& left = fibers[current];
    if (queue_count == 0) {
        if (alive == 0) emulator_switch(&left.stack, main_stack);
        fail("%s", deadlock().c_str());
    }
    current = queue[queue_first];
    queue_first = (queue_first + 1) % kMostThreads;
    queue_count--;
    threadIdx = fibers[current].at;
    if (&left != &fibers[current]) emulator_switch(&left.stack, fibers[current].stack);
}

template <class Act>
void for_lanes(u32 warp, u32 mask, Act act) {
    for (u32 i = 0; i < 32; i++) {
        const u32 lane = is_odd ? 31 - i : i;
        if (mask >> lane & 1) act(warp * 32 + lane, lane);
    }
}

void end_meeting(u32 warp, Meeting& meeting) {
    meeting.complete(meeting.brought, meeting.come);
    for_lanes(warp, meeting.come, [](u32 thread, u32) {
        if (thread != current) push(thread);
    });
    meeting = warps[warp].meetings.back();
    warps[warp].meetings.pop_back();
}

// After a lane has ended: those that waited only for it go on.
void end_meetings(u32 warp) {
    auto& meetings = warps[warp].meetings;
    for (size_t m = 0; m < meetings.size();) {
        Meeting& meeting = meetings[m];
        if ((meeting.mask & warps[warp].alive) != meeting.come) {
            m++;
            continue;
        }
        end_meeting(warp, meeting);
    }
}

bool end_barrier() {
    if (at_barrier == 0 || at_barrier != alive) return false;
    finished_votes = votes;
    at_barrier = 0;
    votes = {1, 0, 0};
    for (u32 i = 0; i < threads; i++) {
        const u32 thread = is_odd ? threads - 1 - i : i;
        if (!fibers[thread].is_done && thread != current) push(thread);
    }
    return true;
}

void thread_main() {
    running->kernel->run(running->arguments);
    const u32 me = current;
    fibers[me].is_done = true;
    warps[me / 32].alive &= ~(1u << me % 32);
    alive--;
    end_meetings(me / 32);
    end_barrier();
    next();
    __builtin_trap();
}

void prepare_thread(u32 i) {
    Fiber& fiber = fibers[i];
    auto top = (void**)(stacks + (i + 1) * (kStackBytes + kPage));
    *--top = nullptr;  // the return address of thread_main, which has none
    *--top = (void*)thread_main;
    for (int r = 0; r < 6; r++) *--top = nullptr;
    fiber.stack = top;
    fiber.at = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
    fiber.is_done = false;
    fiber.waits_for = nullptr;
    fiber.mask = 0;
    fiber.copies.clear();
    fiber.group = 0;
    push(i);
}

void run_block(const Launch& launch) {
    threads = alive = blockDim.x * blockDim.y * blockDim.z;
    at_barrier = 0;
    votes = {1, 0, 0};
    queue_first = queue_count = 0;
    memset(dynamic_shared, kPoison, launch.shared_bytes + kCanary);
    memset(launch.static_shared, kPoison, launch.static_bytes);
    for (u32 w = 0; w < (threads + 31) / 32; w++) {
        warps[w].alive = threads - w * 32 >= 32 ? 0xffffffffu : (1u << (threads - w * 32)) - 1;
        warps[w].meetings.clear();
    }
    for (u32 i = 0; i < threads; i++) prepare_thread(is_odd ? threads - 1 - i : i);
    current = queue[queue_first];
    queue_first = (queue_first + 1) % kMostThreads;
    queue_count--;
    threadIdx = fibers[current].at;
    emulator_switch(&main_stack, fibers[current].stack);
    for (u32 i = 0; i < kCanary; i++)
        if (dynamic_shared[launch.shared_bytes + i] != kPoison)
            fail("byte %u of %u of dynamic shared memory was written", launch.shared_bytes + i, launch.shared_bytes);
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
        const bool is_stack = address >= stacks && address < stacks + kMostThreads * (kStackBytes + kPage);
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
    stacks = (u8*)mmap(nullptr, kMostThreads * (kStackBytes + kPage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) throw std::runtime_error("no memory for the threads' stacks");
    for (u32 i = 0; i < kMostThreads; i++) mprotect(stacks + i * (kStackBytes + kPage), kPage, PROT_NONE);
    queue.resize(kMostThreads);
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

__attribute__((constructor)) void allocate_shared() {
    dynamic_shared = (u8*)mmap(nullptr, kMostShared + kCanary, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

}  // namespace

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
    if (_setjmp(give_up) == 0)
        for (blockIdx.z = 0; blockIdx.z < gridDim.z; blockIdx.z++)
            for (blockIdx.y = 0; blockIdx.y < gridDim.y; blockIdx.y++)
                for (blockIdx.x = 0; blockIdx.x < gridDim.x; blockIdx.x++) {
                    is_odd = (blockIdx.x + blockIdx.y + blockIdx.z + launches) % 2;
                    run_block(launch);
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
    votes.all &= vote;
    votes.any |= vote;
    votes.sum += vote;
    at_barrier++;
    if (!end_barrier()) {
        fibers[current].waits_for = "__syncthreads";
        fibers[current].mask = 0xffffffff;
        next();
    }
    return finished_votes;
}

void meet(u32 mask, const char* what, void* brought, Complete complete) {
    const u32 lane = current % 32;
    Warp& warp = warps[current / 32];
    if (!(mask >> lane & 1)) fail("%s with the mask %08x, which does not name this lane", what, mask);
    auto meeting = std::find_if(warp.meetings.begin(), warp.meetings.end(), [&](const Meeting& m) { return m.mask == mask; });
    if (meeting == warp.meetings.end()) meeting = warp.meetings.insert(meeting, Meeting{mask, 0, complete, {}});
    if (meeting->complete != complete) fail("%s, where other lanes of the mask %08x do something else", what, mask);
    meeting->come |= 1u << lane;
    meeting->brought[lane] = brought;
    if ((mask & warp.alive) == meeting->come) return end_meeting(current / 32, *meeting);
    fibers[current].waits_for = what;
    fibers[current].mask = mask;
    next();
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

constexpr u32 kStaticFrom = 1 << 24;

u32 shared_address(const void* p) {
    const size_t dynamic = (const u8*)p - dynamic_shared, fixed = (const u8*)p - running->static_shared;
    if (dynamic <= running->shared_bytes) return (u32)dynamic;
    if (fixed < running->static_bytes) return (u32)(kStaticFrom + fixed);
    fail("%p is no address of shared memory", p);
}

void* shared_pointer(u32 address) {
    if (address < running->shared_bytes) return dynamic_shared + address;
    if (address - kStaticFrom < running->static_bytes) return running->static_shared + (address - kStaticFrom);
    fail("%08x is no address of shared memory", address);
}

}  // namespace emulator
