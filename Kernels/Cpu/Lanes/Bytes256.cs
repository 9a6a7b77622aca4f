using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>64 bytes in two AVX2 vectors.</summary>
internal readonly unsafe struct Bytes256 : IByteLanes<Bytes256>
{
    private readonly Vector256<int> _a, _b;

    private Bytes256(Vector256<int> a, Vector256<int> b) => (_a, _b) = (a, b);

    public static bool IsFast => Avx2.IsSupported;

    public static bool HasManyRegisters => false;

    public static Bytes256 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Load(byte* source) => new(Vector256.Load(source).AsInt32(), Vector256.Load(source + 32).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* target, Bytes256 value) => StoreInts((int*)target, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 LoadWidened(sbyte* source) =>
        new(Avx2.ConvertToVector256Int16(source).AsInt32(), Avx2.ConvertToVector256Int16(source + 16).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Repeat(void* source)
    {
        var v = Vector256.Create(Unsafe.ReadUnaligned<int>(source));
        return new(v, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 LowNibbles(Bytes256 bytes) =>
        new(bytes._a & Vector256.Create(0x0F0F0F0F), bytes._b & Vector256.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 HighNibbles(Bytes256 bytes) =>
        new((bytes._a >>> 4) & Vector256.Create(0x0F0F0F0F), (bytes._b >>> 4) & Vector256.Create(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 MultiplyAddBytes(Bytes256 unsigned, Bytes256 signed) =>
        new(Avx2.MultiplyAddAdjacent(unsigned._a.AsByte(), signed._a.AsSByte()).AsInt32(),
            Avx2.MultiplyAddAdjacent(unsigned._b.AsByte(), signed._b.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 AddShorts(Bytes256 a, Bytes256 b) =>
        new((a._a.AsInt16() + b._a.AsInt16()).AsInt32(), (a._b.AsInt16() + b._b.AsInt16()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 AddPairs(Bytes256 sums, Bytes256 shorts)
    {
        var ones = Vector256.Create((short)1);
        return new(sums._a + Avx2.MultiplyAddAdjacent(shorts._a.AsInt16(), ones),
            sums._b + Avx2.MultiplyAddAdjacent(shorts._b.AsInt16(), ones));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 MultiplyAddShorts(Bytes256 a, Bytes256 b, Bytes256 sums) =>
        new(sums._a + Avx2.MultiplyAddAdjacent(a._a.AsInt16(), b._a.AsInt16()),
            sums._b + Avx2.MultiplyAddAdjacent(a._b.AsInt16(), b._b.AsInt16()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 PairShorts(Bytes256 even, Bytes256 odd) => new((even._a & Vector256.Create(0xFFFF)) | (odd._a << 16), (even._b & Vector256.Create(0xFFFF)) | (odd._b << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 AddInts(Bytes256 a, Bytes256 b) => new(a._a + b._a, a._b + b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 SubtractInts(Bytes256 a, Bytes256 b) => new(a._a - b._a, a._b - b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 ButterflyInts(Bytes256 value, int stride) => stride == 8
        ? new(value._a + value._b, value._a - value._b)
        : new(Butterfly(value._a, stride), Butterfly(value._b, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInts(int* target, Bytes256 value)
    {
        value._a.Store(target);
        value._b.Store(target + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Butterfly(Vector256<int> v, int stride)
    {
        var (swapped, negated) = stride switch
        {
            1 => (Vector256.Shuffle(v, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6)), Vector256.Create(0, -1, 0, -1, 0, -1, 0, -1)),
            2 => (Vector256.Shuffle(v, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5)), Vector256.Create(0, 0, -1, -1, 0, 0, -1, -1)),
            _ => (Vector256.Shuffle(v, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3)), Vector256.Create(0, 0, 0, 0, -1, -1, -1, -1)),
        };
        return swapped + (v ^ negated) - negated;
    }
}
