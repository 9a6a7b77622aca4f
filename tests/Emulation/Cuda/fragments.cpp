// mma.sync m16n8k32 of bytes.
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

template void multiply_bytes<true, true>(void* const (&)[32], u32);
template void multiply_bytes<true, false>(void* const (&)[32], u32);
template void multiply_bytes<false, true>(void* const (&)[32], u32);
template void multiply_bytes<false, false>(void* const (&)[32], u32);

}  // namespace emulator
