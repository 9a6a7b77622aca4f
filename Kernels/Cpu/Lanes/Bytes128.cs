using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>64 bytes in four 128-bit vectors, with portable operations only: the fallback for machines without AVX2.</summary>
/// <remarks>
/// A pair of neighbours is one wider element: its even half comes out by a shift left and right, its odd half by a shift right.
/// </remarks>
internal readonly unsafe struct Bytes128 : IByteLanes<Bytes128>
{
    private readonly Vector128<int> _a, _b, _c, _d;

    private Bytes128(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) => (_a, _b, _c, _d) = (a, b, c, d);

    public static bool IsFast => true;

    public static bool HasManyRegisters => false;

    public static Bytes128 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Load(byte* source) =>
        new(Part(source), Part(source + 16), Part(source + 32), Part(source + 48));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* target, Bytes128 value) => StoreInts((int*)target, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 LoadWidened(sbyte* source)
    {
        var (a, b) = Vector128.Widen(Vector128.Load(source));
        var (c, d) = Vector128.Widen(Vector128.Load(source + 16));
        return new(a.AsInt32(), b.AsInt32(), c.AsInt32(), d.AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Repeat(void* source)
    {
        var v = Vector128.Create(Unsafe.ReadUnaligned<int>(source));
        return new(v, v, v, v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 LowNibbles(Bytes128 x)
    {
        var mask = Vector128.Create(0x0F0F0F0F);
        return new(x._a & mask, x._b & mask, x._c & mask, x._d & mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 HighNibbles(Bytes128 x) => LowNibbles(new(x._a >>> 4, x._b >>> 4, x._c >>> 4, x._d >>> 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 MultiplyAddBytes(Bytes128 u, Bytes128 s) =>
        new(BytePairs(u._a, s._a), BytePairs(u._b, s._b), BytePairs(u._c, s._c), BytePairs(u._d, s._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 AddShorts(Bytes128 x, Bytes128 y) =>
        new(Shorts(x._a, y._a), Shorts(x._b, y._b), Shorts(x._c, y._c), Shorts(x._d, y._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 AddPairs(Bytes128 sums, Bytes128 x) =>
        new(sums._a + Even(x._a) + (x._a >> 16), sums._b + Even(x._b) + (x._b >> 16),
            sums._c + Even(x._c) + (x._c >> 16), sums._d + Even(x._d) + (x._d >> 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 MultiplyAddShorts(Bytes128 x, Bytes128 y, Bytes128 sums) =>
        new(sums._a + ShortPairs(x._a, y._a), sums._b + ShortPairs(x._b, y._b),
            sums._c + ShortPairs(x._c, y._c), sums._d + ShortPairs(x._d, y._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 PairShorts(Bytes128 even, Bytes128 odd) => new(Pair(even._a, odd._a), Pair(even._b, odd._b), Pair(even._c, odd._c), Pair(even._d, odd._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 AddInts(Bytes128 x, Bytes128 y) => new(x._a + y._a, x._b + y._b, x._c + y._c, x._d + y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 SubtractInts(Bytes128 x, Bytes128 y) => new(x._a - y._a, x._b - y._b, x._c - y._c, x._d - y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 ButterflyInts(Bytes128 x, int stride) => stride switch
    {
        8 => new(x._a + x._c, x._b + x._d, x._a - x._c, x._b - x._d),
        4 => new(x._a + x._b, x._a - x._b, x._c + x._d, x._c - x._d),
        _ => new(Butterfly(x._a, stride), Butterfly(x._b, stride), Butterfly(x._c, stride), Butterfly(x._d, stride)),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInts(int* target, Bytes128 value)
    {
        value._a.Store(target);
        value._b.Store(target + 4);
        value._c.Store(target + 8);
        value._d.Store(target + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Butterfly(Vector128<int> v, int stride)
    {
        var (swapped, negated) = stride == 1
            ? (Vector128.Shuffle(v, Vector128.Create(1, 0, 3, 2)), Vector128.Create(0, -1, 0, -1))
            : (Vector128.Shuffle(v, Vector128.Create(2, 3, 0, 1)), Vector128.Create(0, 0, -1, -1));
        return swapped + (v ^ negated) - negated;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Pair(Vector128<int> even, Vector128<int> odd) => (even & Vector128.Create(0xFFFF)) | (odd << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Part(byte* source) => Vector128.Load(source).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Even(Vector128<int> shorts) => (shorts << 16) >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Shorts(Vector128<int> x, Vector128<int> y) => (x.AsInt16() + y.AsInt16()).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> ShortPairs(Vector128<int> x, Vector128<int> y) => (Even(x) * Even(y)) + ((x >> 16) * (y >> 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> BytePairs(Vector128<int> unsigned, Vector128<int> signed)
    {
        var (u, s) = (unsigned.AsInt16(), signed.AsInt16());
        return (((u & Vector128.Create((short)0xFF)) * ((s << 8) >> 8)) + ((u >>> 8) * (s >> 8))).AsInt32();
    }
}
