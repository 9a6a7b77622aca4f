// Barriers, shuffles, votes and reductions.
#pragma once

static inline void __syncthreads() { emulator::barrier(0); }
static inline int __syncthreads_or(int vote) { return emulator::barrier(vote != 0).any; }
static inline int __syncthreads_and(int vote) { return emulator::barrier(vote != 0).all; }
static inline int __syncthreads_count(int vote) { return emulator::barrier(vote != 0).sum; }

static inline void __syncwarp(unsigned mask = 0xffffffffu) {
    emulator::meet(mask, "__syncwarp", &mask, [](void* const (&)[32], unsigned) {});
}

namespace emulator {

template <class T>
struct Shuffled {
    T value, result;
    u32 from;
};

// `from` of every lane names a lane; what comes from one that is not there is poison.
template <class T>
inline T shuffle(u32 mask, const char* what, T value, u32 from) {
    Shuffled<T> mine = {value, value, from};
    meet(mask, what, &mine, [](void* const (&lanes)[32], u32) {
        for (void* lane : lanes) {
            if (!lane) continue;
            auto* to = (Shuffled<T>*)lane;
            if (lanes[to->from]) to->result = ((Shuffled<T>*)lanes[to->from])->value;
            else __builtin_memset(&to->result, 0xff, sizeof(T));
        }
    });
    return mine.result;
}

// Lanes and results in each segment of `width` lanes.
inline u32 segment(int width) { return lane_of_thread() & ~(u32)(width - 1); }

template <class T>
struct Gathered {
    T value, result;
};

// Every lane gets `fold` of all.
template <class Fold, class T>
inline T gather(u32 mask, const char* what, T value) {
    Gathered<T> mine = {value, value};
    meet(mask, what, &mine, [](void* const (&lanes)[32], u32) {
        T result = Fold::start();
        for (u32 i = 0; i < 32; i++)
            if (lanes[i]) result = Fold::add(result, ((Gathered<T>*)lanes[i])->value, i);
        for (void* lane : lanes)
            if (lane) ((Gathered<T>*)lane)->result = result;
    });
    return mine.result;
}

#define EMULATED_FOLD(name, type, first, expression)                                   \
    struct name {                                                                      \
        static type start() { return first; }                                          \
        static type add(type a, type b, u32 lane) { return expression; }               \
    };
EMULATED_FOLD(FoldBallot, u32, 0, a | (b ? 1u << lane : 0u))
EMULATED_FOLD(FoldAdd, u32, 0, a + b)
EMULATED_FOLD(FoldMaxSigned, int, -2147483647 - 1, a < b ? b : a)
EMULATED_FOLD(FoldMinSigned, int, 2147483647, b < a ? b : a)
EMULATED_FOLD(FoldMax, u32, 0, a < b ? b : a)
EMULATED_FOLD(FoldMin, u32, 0xffffffffu, b < a ? b : a)
EMULATED_FOLD(FoldOr, u32, 0, a | b)
EMULATED_FOLD(FoldAnd, u32, 0xffffffffu, a & b)
EMULATED_FOLD(FoldXor, u32, 0, a ^ b)

}  // namespace emulator

template <class T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
    return emulator::shuffle(mask, "__shfl_sync", value, emulator::segment(width) + (lane & (width - 1)));
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
    const unsigned mine = emulator::lane_of_thread(), from = mine ^ lanes;
    return emulator::shuffle(mask, "__shfl_xor_sync", value, from >= emulator::segment(width) + width ? mine : from);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32) {
    const unsigned mine = emulator::lane_of_thread(), from = mine + lanes;
    return emulator::shuffle(mask, "__shfl_down_sync", value, from >= emulator::segment(width) + width ? mine : from);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32) {
    const unsigned mine = emulator::lane_of_thread();
    return emulator::shuffle(mask, "__shfl_up_sync", value, mine - emulator::segment(width) < lanes ? mine : mine - lanes);
}

static inline unsigned __ballot_sync(unsigned mask, int vote) { return emulator::gather<emulator::FoldBallot, unsigned>(mask, "__ballot_sync", vote != 0); }
static inline int __any_sync(unsigned mask, int vote) { return emulator::gather<emulator::FoldOr, unsigned>(mask, "__any_sync", vote != 0) != 0; }
static inline int __all_sync(unsigned mask, int vote) { return emulator::gather<emulator::FoldAnd, unsigned>(mask, "__all_sync", vote ? 0xffffffffu : 0u) != 0; }
static inline int __reduce_add_sync(unsigned mask, int value) { return (int)emulator::gather<emulator::FoldAdd, unsigned>(mask, "__reduce_add_sync", value); }
static inline unsigned __reduce_add_sync(unsigned mask, unsigned value) { return emulator::gather<emulator::FoldAdd, unsigned>(mask, "__reduce_add_sync", value); }
static inline int __reduce_max_sync(unsigned mask, int value) { return emulator::gather<emulator::FoldMaxSigned, int>(mask, "__reduce_max_sync", value); }
static inline int __reduce_min_sync(unsigned mask, int value) { return emulator::gather<emulator::FoldMinSigned, int>(mask, "__reduce_min_sync", value); }
static inline unsigned __reduce_max_sync(unsigned mask, unsigned value) { return emulator::gather<emulator::FoldMax, unsigned>(mask, "__reduce_max_sync", value); }
static inline unsigned __reduce_min_sync(unsigned mask, unsigned value) { return emulator::gather<emulator::FoldMin, unsigned>(mask, "__reduce_min_sync", value); }
static inline unsigned __reduce_or_sync(unsigned mask, unsigned value) { return emulator::gather<emulator::FoldOr, unsigned>(mask, "__reduce_or_sync", value); }
static inline unsigned __reduce_and_sync(unsigned mask, unsigned value) { return emulator::gather<emulator::FoldAnd, unsigned>(mask, "__reduce_and_sync", value); }
static inline unsigned __reduce_xor_sync(unsigned mask, unsigned value) { return emulator::gather<emulator::FoldXor, unsigned>(mask, "__reduce_xor_sync", value); }
static inline unsigned __activemask() { emulator::fail("__activemask says nothing reliable"); }
