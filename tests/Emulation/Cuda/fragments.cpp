// mma.sync m16n8k32 and wgmma m64nNk32 of bytes.
#include <cstdint>

#include "runtime.h"

namespace emulator {

template <bool SignedA, bool SignedB>
void multiply_bytes(void* const (&lanes)[32], u32 mask) {
    if (mask != 0xffffffff) fail("mma.sync by a warp that is not whole (lanes %08x)", mask);
    int16_t a[16][32], b[8][32];
    const auto widen = [](u32 word, bool is_signed, int16_t* to) {
        for (int i = 0; i < 4; i++) to[i] = is_signed ? (int16_t)(int8_t)(word >> 8 * i) : (int16_t)(uint8_t)(word >> 8 * i);
    };
    for (int lane = 0; lane < 32; lane++) {
        const auto& from = *(const ByteFragments*)lanes[lane];
        const int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++) widen(from.a[i], SignedA, &a[g + 8 * (i % 2)][4 * t + 16 * (i / 2)]);
        for (int i = 0; i < 2; i++) widen(from.b[i], SignedB, &b[g][4 * t + 16 * i]);
    }
    for (int lane = 0; lane < 32; lane++) {
        auto& to = *(ByteFragments*)lanes[lane];
        for (int i = 0; i < 4; i++) {
            const int16_t *row = a[lane / 4 + 8 * (i / 2)], *column = b[lane % 4 * 2 + i % 2];
            int sum = 0;
            for (int k = 0; k < 32; k++) sum += (int)row[k] * column[k];
            to.d[i] = (int)((u32)to.c[i] + (u32)sum);
        }
    }
}

// Descriptor: bits 0..13 the address / 16, K-major rows of 128 bytes in the 128-byte swizzle.
void multiply_shared(void* const (&lanes)[32], u32 mask) {
    if (mask != 0xffffffff) fail("wgmma by a warp that is not whole (lanes %08x)", mask);
    const auto& first = *(const GroupFragments*)lanes[0];
    const u32 start = (u32)(first.descriptor & 0x3fff) << 4;
    if (first.descriptor >> 62 != 1 || (first.descriptor >> 32 & 0x3fff) != 1024 >> 4) fail("wgmma with another layout of B than the 128-byte swizzle");
    int16_t a[16][32], b[256][32];
    for (int n = 0; n < 8 * first.tiles; n++)
        for (u32 k = 0; k < 32; k += 16) {
            const u32 at = start + n * 128 + k;
            const auto from = (const int8_t*)shared_pointer(at ^ (at >> 7 & 7) << 4);
            for (int i = 0; i < 16; i++) b[n][k + i] = from[i];
        }
    for (int lane = 0; lane < 32; lane++) {
        const auto& from = *(const GroupFragments*)lanes[lane];
        for (int i = 0; i < 4; i++)
            for (int e = 0; e < 4; e++) a[lane / 4 + 8 * (i % 2)][lane % 4 * 4 + 16 * (i / 2) + e] = (int8_t)(from.a[i] >> 8 * e);
    }
    for (int lane = 0; lane < 32; lane++) {
        const auto& to = *(const GroupFragments*)lanes[lane];
        for (int i = 0; i < 4 * to.tiles; i++) {
            const int16_t *row = a[lane / 4 + i % 4 / 2 * 8], *column = b[i / 4 * 8 + lane % 4 * 2 + i % 2];
            int sum = 0;
            for (int k = 0; k < 32; k++) sum += (int)row[k] * column[k];
            *to.d[i] = (int)((to.add ? (u32)*to.d[i] : 0) + (u32)sum);
        }
    }
}

template void multiply_bytes<true, true>(void* const (&)[32], u32);
template void multiply_bytes<true, false>(void* const (&)[32], u32);
template void multiply_bytes<false, true>(void* const (&)[32], u32);
template void multiply_bytes<false, false>(void* const (&)[32], u32);

}  // namespace emulator
