// PTX instructions. translate.cpp turns `asm("mma.sync.aligned.m16n8k32... {%0, ...", ...)` into a call of the function of that name here, without
// what does not change the result (.aligned, .nc, cache hints), and with the operands in their order. One that is missing is a compile error
// that names it: add it. Source: PTX ISA 8.0, chapter "Instruction Set".
#pragma once

namespace emulator::ptx {

typedef short v8hi __attribute__((vector_size(16)));
typedef float v4sf __attribute__((vector_size(16)));
constexpr u32 kWarp = 0xffffffffu;

inline void cvt_f32_f16(float& d, unsigned short a) { d = __builtin_ia32_vcvtph2ps(v8hi{(short)a})[0]; }
inline void cvt_rn_f16_f32(unsigned short& d, float a) { d = (unsigned short)__builtin_ia32_vcvtps2ph(v4sf{a}, 0)[0]; }
inline void max_NaN_f32(float& d, float a, float b) { d = a != a || b != b ? __builtin_nanf("") : fmaxf(a, b); }
// Of a normal number; the hardware is one step off at most.
inline void rcp_approx_ftz_f32(float& d, float a) { d = 1.0f / a; }
template <class D> inline void cvt_rni_s32_f32(D& d, float a) { d = (D)__float2int_rn(a); }
template <class D> inline void cvt_sat_f32_s32(D& d, int a) { d = (D)a; }

template <class D> inline void dp4a_s32_s32(D& d, u32 a, u32 b, u32 c) { d = (D)emulated_dp4a<signed char, signed char>(a, b, c); }
template <class D> inline void dp4a_s32_u32(D& d, u32 a, u32 b, u32 c) { d = (D)emulated_dp4a<signed char, u8>(a, b, c); }
template <class D> inline void dp4a_u32_s32(D& d, u32 a, u32 b, u32 c) { d = (D)emulated_dp4a<u8, signed char>(a, b, c); }
template <class D> inline void dp4a_u32_u32(D& d, u32 a, u32 b, u32 c) { d = (D)emulated_dp4a<u8, u8>(a, b, c); }
template <class D> inline void prmt_b32(D& d, u32 a, u32 b, u32 c) { d = (D)__byte_perm(a, b, c); }
template <class D> inline void lop3_b32(D& d, u32 a, u32 b, u32 c, u32 table) {
    u32 result = 0;
    for (int i = 0; i < 32; i++) result |= (table >> ((a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1)) & 1) << i;
    d = (D)result;
}
template <class D> inline void bfe_s32(D& d, u32 a, u32 at, u32 bits) { d = (D)(bits ? (int)(a << (32 - at - bits)) >> (32 - bits) : 0); }
template <class D> inline void bfe_u32(D& d, u32 a, u32 at, u32 bits) { d = (D)(bits ? a << (32 - at - bits) >> (32 - bits) : 0); }
template <class D, class A> inline void mov_u32(D& d, A a) { d = (D)a; }
template <class D, class A> inline void mov_b32(D& d, A a) { d = (D)a; }
inline u32 special_laneid() { return lane_of_thread(); }

template <bool SignedA, bool SignedB, class D>
inline void multiply(D& d0, D& d1, D& d2, D& d3, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1, int c0, int c1, int c2, int c3) {
    ByteFragments mine = {{a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3}, {}};
    meet(kWarp, "mma.sync.m16n8k32", &mine, multiply_bytes<SignedA, SignedB>);
    d0 = (D)mine.d[0], d1 = (D)mine.d[1], d2 = (D)mine.d[2], d3 = (D)mine.d[3];
}
#define EMULATED_MMA(a, b, signed_a, signed_b)                                                                      \
    template <class D, class... Operands>                                                                           \
    inline void mma_sync_m16n8k32_row_col_s32_##a##_##b##_s32(D& d0, D& d1, D& d2, D& d3, Operands... operands) {   \
        multiply<signed_a, signed_b>(d0, d1, d2, d3, operands...);                                                  \
    }
EMULATED_MMA(s8, s8, true, true)
EMULATED_MMA(s8, u8, true, false)
EMULATED_MMA(u8, s8, false, true)
EMULATED_MMA(u8, u8, false, false)

template <class D> inline void ld_global_u32(D& d, const void* p) { d = *(const u32*)p; }
template <class D> inline void ld_global_v2_u32(D& x, D& y, const void* p) {
    const uint2 v = *(const uint2*)p;
    x = v.x, y = v.y;
}
template <class D> inline void ld_global_v4_u32(D& x, D& y, D& z, D& w, const void* p) {
    const uint4 v = *(const uint4*)p;
    x = v.x, y = v.y, z = v.z, w = v.w;
}
inline void ld_global_f32(float& d, const void* p) { d = *(const float*)p; }
inline void ld_global_v4_f32(float& x, float& y, float& z, float& w, const void* p) {
    const float4 v = *(const float4*)p;
    x = v.x, y = v.y, z = v.z, w = v.w;
}
template <class D> inline void ld_shared_u32(D& d, u32 address) { d = *(const u32*)shared_pointer(address); }
template <class D> inline void ld_shared_v4_u32(D& x, D& y, D& z, D& w, u32 address) { ld_global_v4_u32(x, y, z, w, shared_pointer(address)); }
inline void st_shared_u32(u32 address, u32 value) { *(u32*)shared_pointer(address) = value; }
inline void st_shared_v4_u32(u32 address, u32 x, u32 y, u32 z, u32 w) { *(uint4*)shared_pointer(address) = make_uint4(x, y, z, w); }

inline void cp_async_shared_global(u32 target, const void* source, u32 bytes, u32 valid) { copy_later(shared_pointer(target), source, bytes, valid); }
inline void cp_async_shared_global(u32 target, const void* source, u32 bytes) { cp_async_shared_global(target, source, bytes, bytes); }
inline void cp_async_commit_group() { copies_commit(); }
inline void cp_async_wait_group(int pending) { copies_wait(pending); }
inline void cp_async_wait_all() {
    copies_commit();
    copies_wait(0);
}

// Every fourth of the lanes' results is a column of pairs; lane i gives the address of row i % 8 of matrix i / 8.
struct MatrixRows {
    const u8* row;
    u32 d[4];
};
template <int Matrices, bool Transposed>
inline void load_matrices(void* const (&lanes)[32], u32) {
    for (int lane = 0; lane < 32; lane++)
        for (int m = 0; m < Matrices; m++) {
            u32 pair = 0;
            for (int e = 0; e < 2; e++) {
                const int row = Transposed ? lane % 4 * 2 + e : lane / 4, column = Transposed ? lane / 4 : lane % 4 * 2 + e;
                if (!lanes[8 * m + row] || !lanes[lane]) fail("ldmatrix by a warp that is not whole");
                pair |= (u32)((const unsigned short*)((MatrixRows*)lanes[8 * m + row])->row)[column] << 16 * e;
            }
            ((MatrixRows*)lanes[lane])->d[m] = pair;
        }
}
template <int Matrices, bool Transposed>
inline MatrixRows load_matrices(u32 address) {
    // Only the first 8 lanes' addresses of each matrix count; the others may be anything.
    MatrixRows mine = {lane_of_thread() < 8 * Matrices ? (const u8*)shared_pointer(address) : nullptr, {}};
    meet(kWarp, "ldmatrix", &mine, load_matrices<Matrices, Transposed>);
    return mine;
}
#define EMULATED_LDMATRIX(suffix, transposed)                                                                                                       \
    template <class D> inline void ldmatrix_sync_m8n8_x1##suffix##_shared_b16(D& d, u32 address) { d = load_matrices<1, transposed>(address).d[0]; } \
    template <class D> inline void ldmatrix_sync_m8n8_x2##suffix##_shared_b16(D& d0, D& d1, u32 address) {                                          \
        const MatrixRows m = load_matrices<2, transposed>(address);                                                                                 \
        d0 = m.d[0], d1 = m.d[1];                                                                                                                   \
    }                                                                                                                                               \
    template <class D> inline void ldmatrix_sync_m8n8_x4##suffix##_shared_b16(D& d0, D& d1, D& d2, D& d3, u32 address) {                            \
        const MatrixRows m = load_matrices<4, transposed>(address);                                                                                 \
        d0 = m.d[0], d1 = m.d[1], d2 = m.d[2], d3 = m.d[3];                                                                                         \
    }
EMULATED_LDMATRIX(, false)
EMULATED_LDMATRIX(_trans, true)

template <class A, class B> inline void setp_ne_b32(bool& d, A a, B b) { d = a != b; }

// Hopper.
inline u32 special_cluster_ctarank() { return cluster_rank(); }
inline void barrier_cluster_arrive_release() { cluster_arrive(); }
inline void barrier_cluster_arrive_relaxed() { cluster_arrive(); }
inline void barrier_cluster_wait_acquire() { cluster_wait(); }
inline void barrier_cluster_wait() { cluster_wait(); }
template <class D> inline void mapa_shared_cluster_u32(D& d, u32 address, u32 rank) { d = peer_address(address, rank); }
template <class D> inline void ld_shared_cluster_s32(D& d, u32 address) { d = *(const int*)shared_pointer(address); }
inline void mbarrier_init_shared_cta_b64(u32 barrier, u32 arrivals) { barrier_init(barrier, arrivals); }
inline void fence_mbarrier_init_release_cluster() {}
inline void fence_proxy_async_shared_cta() {}
inline void mbarrier_arrive_expect_tx_shared_cta_b64(u32 barrier, u32 bytes) { barrier_arrive(barrier, bytes); }
inline void mbarrier_arrive_shared_cta_b64(u32 barrier) { barrier_arrive(barrier, 0); }
inline void mbarrier_arrive_shared_cluster_b64(u32 barrier) { barrier_arrive(barrier, 0); }
inline void mbarrier_try_wait_parity_shared_cta_b64(bool& done, u32 barrier, u32 parity) {
    barrier_wait(barrier, parity);
    done = true;
}
inline void cp_async_bulk_shared_cluster_global_mbarrier_complete_tx_bytes(u32 target, const void* source, u32 bytes, u32 barrier) {
    copy_bulk(target, source, bytes, barrier);
}
inline void cp_async_bulk_tensor_2d_shared_cluster_global_mbarrier_complete_tx_bytes_multicast_cluster(u32 target, const void* map, int column, int row,
    u32 barrier, u32 mask) {
    copy_box(target, map, column, row, barrier, mask);
}
inline void prefetch_tensormap(const void*) {}
inline void setmaxnreg_dec_sync_u32(int) {}
inline void setmaxnreg_inc_sync_u32(int) {}

// Done at once: that the sums are read before they are waited for does not show.
inline void wgmma_fence_sync() {}
inline void wgmma_commit_group_sync() {}
inline void wgmma_wait_group_sync(int) {}
template <int Sums>
inline void multiply_group(void* const (&operands)[Sums + 6]) {
    GroupFragments mine;
    for (int i = 0; i < Sums; i++) mine.d[i] = (int*)operands[i];
    for (int i = 0; i < 4; i++) mine.a[i] = *(const u32*)operands[Sums + i];
    mine.descriptor = *(const u64*)operands[Sums + 4];
    mine.add = *(const bool*)operands[Sums + 5];
    mine.tiles = Sums / 4;
    meet(kWarp, "wgmma.mma_async", &mine, multiply_shared);
}
#define EMULATED_WGMMA(n)                                                                                  \
    template <class... Operands>                                                                          \
    inline void wgmma_mma_async_sync_m64n##n##k32_s32_s8_s8(Operands&&... operands) {                       \
        multiply_group<n / 2>({(void*)&operands...});                                                     \
    }
EMULATED_WGMMA(64)
EMULATED_WGMMA(128)
EMULATED_WGMMA(256)

// Grids run one after another.
inline void griddepcontrol_wait() {}
inline void griddepcontrol_launch_dependents() {}

}  // namespace emulator::ptx
