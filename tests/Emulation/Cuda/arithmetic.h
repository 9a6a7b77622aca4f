// Functions of one thread: arithmetic with one rounding each (compiled with -ffp-contract=off), bits, loads, atomics.
#pragma once

static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __frcp_rn(float a) { return 1.0f / a; }
static inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float rintf(float a) { return __builtin_rintf(a); }
static inline float floorf(float a) { return __builtin_floorf(a); }
static inline float ceilf(float a) { return __builtin_ceilf(a); }
static inline double ceil(double a) { return __builtin_ceil(a); }
static inline float truncf(float a) { return __builtin_truncf(a); }
static inline float sqrtf(float a) { return __builtin_sqrtf(a); }
static inline float fabsf(float a) { return __builtin_fabsf(a); }
static inline double rint(double a) { return __builtin_rint(a); }
static inline double floor(double a) { return __builtin_floor(a); }
static inline double fmin(double a, double b) { return a != a || b < a ? b : a; }
static inline double fmax(double a, double b) { return a != a || b > a ? b : a; }
static inline double sqrt(double a) { return __builtin_sqrt(a); }
static inline double fabs(double a) { return __builtin_fabs(a); }

#define EMULATED_BITS(name, to, from)           \
    static inline to name(from value) {         \
        to bits;                                \
        __builtin_memcpy(&bits, &value, sizeof bits); \
        return bits;                            \
    }
EMULATED_BITS(__float_as_int, int, float)
EMULATED_BITS(__float_as_uint, unsigned, float)
EMULATED_BITS(__int_as_float, float, int)
EMULATED_BITS(__uint_as_float, float, unsigned)
EMULATED_BITS(__double_as_longlong, long long, double)
EMULATED_BITS(__longlong_as_double, double, long long)

// NaN loses, and +0 is larger than -0.
static inline float fmaxf(float a, float b) {
    if (a != a) return b;
    if (b != b) return a;
    if (a == b) return __int_as_float(__float_as_int(a) & __float_as_int(b));
    return a > b ? a : b;
}
static inline float fminf(float a, float b) {
    if (a != a) return b;
    if (b != b) return a;
    if (a == b) return __int_as_float(__float_as_int(a) | __float_as_int(b));
    return a < b ? a : b;
}

#define EMULATED_ORDER(type)                                       \
    static inline type min(type a, type b) { return b < a ? b : a; } \
    static inline type max(type a, type b) { return a < b ? b : a; }
EMULATED_ORDER(int)
EMULATED_ORDER(unsigned)
EMULATED_ORDER(long long)
EMULATED_ORDER(unsigned long long)
#define EMULATED_MIXED_ORDER(type, other)                                               \
    static inline type min(type a, other b) { return min(a, (type)b); }                \
    static inline type min(other a, type b) { return min((type)a, b); }                \
    static inline type max(type a, other b) { return max(a, (type)b); }                \
    static inline type max(other a, type b) { return max((type)a, b); }
EMULATED_MIXED_ORDER(unsigned, int)
EMULATED_MIXED_ORDER(unsigned long long, long long)
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline int abs(int a) { return a < 0 ? -a : a; }

// Out of range the GPU saturates, and NaN is 0.
static inline int emulated_int(float a) { return a != a ? 0 : a >= 2147483648.0f ? 2147483647 : a < -2147483648.0f ? -2147483647 - 1 : (int)a; }
static inline int __float2int_rn(float a) { return emulated_int(rintf(a)); }
static inline int __float2int_rz(float a) { return emulated_int(a); }
static inline int __float2int_rd(float a) { return emulated_int(floorf(a)); }
static inline int __float2int_ru(float a) { return emulated_int(ceilf(a)); }
static inline unsigned __float2uint_rn(float a) { return a != a || a < 0 ? 0 : a >= 4294967296.0f ? 0xffffffffu : (unsigned)rintf(a); }
static inline float __int2float_rn(int a) { return (float)a; }
static inline float __uint2float_rn(unsigned a) { return (float)a; }
static inline float __ll2float_rn(long long a) { return (float)a; }
static inline long long __float2ll_rn(float a) { return (long long)rintf(a); }
static inline int __double2int_rn(double a) { return (int)rint(a); }
static inline double __int2double_rn(int a) { return (double)a; }
static inline float __double2float_rn(double a) { return (float)a; }

static inline int __clz(int a) { return a ? __builtin_clz(a) : 32; }
static inline int __ffs(int a) { return __builtin_ffs(a); }
static inline int __popc(unsigned a) { return __builtin_popcount(a); }
static inline int __popcll(unsigned long long a) { return __builtin_popcountll(a); }
static inline unsigned __brev(unsigned a) {
    unsigned reversed = 0;
    for (int i = 0; i < 32; i++) reversed |= (a >> i & 1) << (31 - i);
    return reversed;
}
static inline int __mul24(int a, int b) { return a * b; }
static inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by) { return (unsigned)(((unsigned long long)high << 32 | low) << (by & 31) >> 32); }
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by) { return (unsigned)(((unsigned long long)high << 32 | low) >> (by & 31)); }

// prmt: byte i of the result is the byte that nibble i names; its top bit spreads that byte's sign.
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
    const unsigned long long bytes = (unsigned long long)b << 32 | a;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        const unsigned nibble = selector >> 4 * i & 15, byte = (unsigned)(bytes >> 8 * (nibble & 7)) & 255;
        result |= (nibble & 8 ? byte & 128 ? 255u : 0u : byte) << 8 * i;
    }
    return result;
}

template <class A, class B>
static inline unsigned emulated_dp4a(unsigned a, unsigned b, unsigned sum) {
    for (int i = 0; i < 4; i++) sum += (unsigned)((int)(A)(a >> 8 * i) * (int)(B)(b >> 8 * i));
    return sum;
}
static inline int __dp4a(int a, int b, int sum) { return (int)emulated_dp4a<signed char, signed char>(a, b, sum); }
static inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) { return emulated_dp4a<unsigned char, unsigned char>(a, b, sum); }

template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T __ldcs(const T* p) { return *p; }
template <class T> static inline T __ldcg(const T* p) { return *p; }
template <class T> static inline T __ldca(const T* p) { return *p; }
template <class T> static inline T __ldlu(const T* p) { return *p; }
template <class T> static inline T __ldcv(const T* p) { return *p; }
template <class T> static inline void __stcs(T* p, T value) { *p = value; }
template <class T> static inline void __stcg(T* p, T value) { *p = value; }
template <class T> static inline void __stwb(T* p, T value) { *p = value; }

// Blocks run one after another and threads switch only where they wait: every access is atomic.
template <class T> static inline T emulated_replace(T* p, T value) {
    const T old = *p;
    *p = value;
    return old;
}
template <class T, class V> static inline T atomicAdd(T* p, V value) { return emulated_replace<T>(p, *p + (T)value); }
template <class T, class V> static inline T atomicSub(T* p, V value) { return emulated_replace<T>(p, *p - (T)value); }
template <class T, class V> static inline T atomicMax(T* p, V value) { return emulated_replace<T>(p, *p < (T)value ? (T)value : *p); }
template <class T, class V> static inline T atomicMin(T* p, V value) { return emulated_replace<T>(p, (T)value < *p ? (T)value : *p); }
template <class T, class V> static inline T atomicAnd(T* p, V value) { return emulated_replace<T>(p, *p & (T)value); }
template <class T, class V> static inline T atomicOr(T* p, V value) { return emulated_replace<T>(p, *p | (T)value); }
template <class T, class V> static inline T atomicXor(T* p, V value) { return emulated_replace<T>(p, *p ^ (T)value); }
template <class T, class V> static inline T atomicExch(T* p, V value) { return emulated_replace<T>(p, (T)value); }
template <class T, class V> static inline T atomicCAS(T* p, V compare, V value) { return emulated_replace<T>(p, *p == (T)compare ? (T)value : *p); }
static inline unsigned atomicInc(unsigned* p, unsigned last) { return emulated_replace<unsigned>(p, *p >= last ? 0 : *p + 1); }

static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline size_t __cvta_generic_to_shared(const void* p) { return emulator::shared_address(p); }
