// CUDA C++ for g++, as far as Kernels/Cuda uses it. The emulated NVRTC puts this in front of every kernel; translate.cpp takes care of
// __global__, __shared__, __launch_bounds__ and inline assembly (ptx.h).
#pragma once
#include "runtime.h"

#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __maxnreg__(...)

typedef __SIZE_TYPE__ size_t;
typedef __UINTPTR_TYPE__ uintptr_t;
constexpr int warpSize = 32;

#define EMULATED_VECTOR(name, type)                                                                                  \
    struct alignas(sizeof(type) * 2) name##2 { type x, y; };                                                         \
    struct name##3 { type x, y, z; };                                                                                \
    struct alignas(sizeof(type) * 4 < 16 ? sizeof(type) * 4 : 16) name##4 { type x, y, z, w; };                      \
    static inline name##2 make_##name##2(type x, type y) { return {x, y}; }                                          \
    static inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }                               \
    static inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
EMULATED_VECTOR(char, signed char)
EMULATED_VECTOR(uchar, unsigned char)
EMULATED_VECTOR(short, short)
EMULATED_VECTOR(ushort, unsigned short)
EMULATED_VECTOR(int, int)
EMULATED_VECTOR(uint, unsigned)
EMULATED_VECTOR(float, float)
EMULATED_VECTOR(longlong, long long)
EMULATED_VECTOR(ulonglong, unsigned long long)
EMULATED_VECTOR(double, double)

#include "arithmetic.h"
#include "warps.h"
#include "ptx.h"

// The first of the module's static shared memory that is certain to be there.
static thread_local unsigned char emulator_anchor;
static void* emulator_shared() { return &emulator_anchor; }

namespace emulator {

template <auto Function>
struct Described;

template <class... Parameters, void (*Function)(Parameters...)>
struct Described<Function> {
    static constexpr u32 sizes[] = {sizeof(Parameters)..., 0};
    static void run(void** arguments) { call(arguments, static_cast<Numbers<sizeof...(Parameters)>*>(nullptr)); }

private:
    template <int... I> struct List {};
    template <int N, int... I> struct Count : Count<N - 1, N - 1, I...> {};
    template <int... I> struct Count<0, I...> : List<I...> {};
    template <int N> using Numbers = Count<N>;
    template <int... I>
    static void call(void** arguments, List<I...>*) { Function(*(Parameters*)arguments[I]...); }
};

}  // namespace emulator
