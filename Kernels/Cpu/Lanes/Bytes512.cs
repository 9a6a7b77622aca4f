using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>64 bytes in one AVX-512 vector.</summary>
internal readonly unsafe struct Bytes512 : IByteLanes<Bytes512>
{
    private readonly Vector512<int> _v;

    private Bytes512(Vector512<int> v) => _v = v;

    public static bool IsFast => Avx512BW.IsSupported;

    public static bool HasManyRegisters => true;

    public static Bytes512 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 Load(byte* source) => new(Vector512.Load(source).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* target, Bytes512 value) => StoreInts((int*)target, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 LoadWidened(sbyte* source) => new(Avx512BW.ConvertToVector512Int16(Vector256.Load(source)).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 Repeat(void* source) => new(Vector512.Create(Unsafe.ReadUnaligned<int>(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 LowNibbles(Bytes512 bytes) => new(bytes._v & Vector512.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 HighNibbles(Bytes512 bytes) => new((bytes._v >>> 4) & Vector512.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 MultiplyAddBytes(Bytes512 unsigned, Bytes512 signed) =>
        new(Avx512BW.MultiplyAddAdjacent(unsigned._v.AsByte(), signed._v.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 AddShorts(Bytes512 a, Bytes512 b) => new((a._v.AsInt16() + b._v.AsInt16()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 AddPairs(Bytes512 sums, Bytes512 shorts) =>
        new(sums._v + Avx512BW.MultiplyAddAdjacent(shorts._v.AsInt16(), Vector512.Create((short)1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 MultiplyAddShorts(Bytes512 a, Bytes512 b, Bytes512 sums) =>
        new(sums._v + Avx512BW.MultiplyAddAdjacent(a._v.AsInt16(), b._v.AsInt16()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 PairShorts(Bytes512 even, Bytes512 odd) => new((even._v & Vector512.Create(0xFFFF)) | (odd._v << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 AddInts(Bytes512 a, Bytes512 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 SubtractInts(Bytes512 a, Bytes512 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes512 ButterflyInts(Bytes512 value, int stride)
    {
        var (swapped, negated) = stride switch
        {
            1 => (Vector512.Shuffle(value._v, Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)),
                Vector512.Create(0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1)),
            2 => (Vector512.Shuffle(value._v, Vector512.Create(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)),
                Vector512.Create(0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1)),
            4 => (Vector512.Shuffle(value._v, Vector512.Create(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)),
                Vector512.Create(0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1)),
            _ => (Vector512.Shuffle(value._v, Vector512.Create(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)),
                Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1)),
        };

        // x ^ -1 is -x - 1.
        return new(swapped + (value._v ^ negated) - negated);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInts(int* target, Bytes512 value) => value._v.Store(target);
}
