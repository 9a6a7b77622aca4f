using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>16 lanes in four 128-bit vectors: runs on any machine, on ARM at full speed.</summary>
internal readonly unsafe struct Lanes128 : ILanes<Lanes128>
{
    private readonly Vector128<float> _a, _b, _c, _d;

    private Lanes128(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) => (_a, _b, _c, _d) = (a, b, c, d);

    public static bool IsFast => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Splat(float value) =>
        new(Vector128.Create(value), Vector128.Create(value), Vector128.Create(value), Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) =>
        new(Vector128.Load(source), Vector128.Load(source + 4), Vector128.Load(source + 8), Vector128.Load(source + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadHalves(ushort* source)
    {
        var (a, b) = Vector128.Widen(Vector128.Load(source));
        var (c, d) = Vector128.Widen(Vector128.Load(source + 8));
        return new(Widen(a.AsInt32()), Widen(b.AsInt32()), Widen(c.AsInt32()), Widen(d.AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadFiniteHalves(ushort* source)
    {
        var (a, b) = Vector128.Widen(Vector128.Load((short*)source));
        var (c, d) = Vector128.Widen(Vector128.Load((short*)source + 8));
        return new(WidenFinite(a), WidenFinite(b), WidenFinite(c), WidenFinite(d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBytes(byte* source) => FromBytes(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadNibbles(byte* source) => FromBytes(Nibbles.Split(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadInts(int* source) =>
        new(Convert(Vector128.Load(source)), Convert(Vector128.Load(source + 4)),
            Convert(Vector128.Load(source + 8)), Convert(Vector128.Load(source + 12)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Lanes128 value)
    {
        value._a.Store(target);
        value._b.Store(target + 4);
        value._c.Store(target + 8);
        value._d.Store(target + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInts(int* target, Lanes128 value)
    {
        Vector128.ConvertToInt32Native(value._a).Store(target);
        Vector128.ConvertToInt32Native(value._b).Store(target + 4);
        Vector128.ConvertToInt32Native(value._c).Store(target + 8);
        Vector128.ConvertToInt32Native(value._d).Store(target + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* target, Lanes128 value)
    {
        var low = Vector128.Narrow(Vector128.ConvertToInt32Native(value._a), Vector128.ConvertToInt32Native(value._b));
        var high = Vector128.Narrow(Vector128.ConvertToInt32Native(value._c), Vector128.ConvertToInt32Native(value._d));
        Vector128.Narrow(low, high).AsByte().Store(target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 x, Lanes128 y) => new(x._a + y._a, x._b + y._b, x._c + y._c, x._d + y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 x, Lanes128 y) => new(x._a - y._a, x._b - y._b, x._c - y._c, x._d - y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 x, Lanes128 y) => new(x._a * y._a, x._b * y._b, x._c * y._c, x._d * y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 x, Lanes128 y) => new(x._a / y._a, x._b / y._b, x._c / y._c, x._d / y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 FusedMultiplyAdd(Lanes128 x, Lanes128 y, Lanes128 z) =>
        new(Vector128.FusedMultiplyAdd(x._a, y._a, z._a), Vector128.FusedMultiplyAdd(x._b, y._b, z._b),
            Vector128.FusedMultiplyAdd(x._c, y._c, z._c), Vector128.FusedMultiplyAdd(x._d, y._d, z._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 x, Lanes128 y) =>
        new(Vector128.MaxNative(x._a, y._a), Vector128.MaxNative(x._b, y._b),
            Vector128.MaxNative(x._c, y._c), Vector128.MaxNative(x._d, y._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 x, Lanes128 y) =>
        new(Vector128.MinNative(x._a, y._a), Vector128.MinNative(x._b, y._b),
            Vector128.MinNative(x._c, y._c), Vector128.MinNative(x._d, y._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 x) => new(Vector128.Abs(x._a), Vector128.Abs(x._b), Vector128.Abs(x._c), Vector128.Abs(x._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 x) =>
        new(Vector128.Round(x._a), Vector128.Round(x._b), Vector128.Round(x._c), Vector128.Round(x._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ScaleByPower(Lanes128 x, Lanes128 n) =>
        new(Scale(x._a, n._a), Scale(x._b, n._b), Scale(x._c, n._c), Scale(x._d, n._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Swap(Lanes128 x, int stride) => stride switch
    {
        8 => new(x._c, x._d, x._a, x._b),
        4 => new(x._b, x._a, x._d, x._c),
        _ => new(SwapWithin(x._a, stride), SwapWithin(x._b, stride), SwapWithin(x._c, stride), SwapWithin(x._d, stride)),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 NegateUpper(Lanes128 x, int stride) => stride switch
    {
        8 => new(x._a, x._b, -x._c, -x._d),
        4 => new(x._a, -x._b, x._c, -x._d),
        _ => new(Negate(x._a, stride), Negate(x._b, stride), Negate(x._c, stride), Negate(x._d, stride)),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold(Lanes128 x) => LaneFolds.Sum(x._a + x._c + (x._b + x._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxOf(Lanes128 x) =>
        LaneFolds.Max(Vector128.MaxNative(Vector128.MaxNative(x._a, x._b), Vector128.MaxNative(x._c, x._d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Convert(Vector128<int> ints) => Vector128.ConvertToSingle(ints);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> WidenFinite(Vector128<int> bits) =>
        ((bits << 13) & Vector128.Create(HalfBits.Moved)).AsSingle() * HalfBits.Rebias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Widen(Vector128<int> bits)
    {
        var magnitude = bits & Vector128.Create(HalfBits.Magnitude);
        var value = (magnitude << 13).AsSingle() * HalfBits.Rebias;
        var isSpecial = Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(HalfBits.Infinity));
        var special = isSpecial & Vector128.Create(HalfBits.FloatInfinity);
        return (value.AsInt32() | special | ((bits & Vector128.Create(HalfBits.Sign)) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scale(Vector128<float> value, Vector128<float> n)
    {
        var exponent = Vector128.ConvertToInt32Native(n);
        var half = exponent >> 1;
        var first = ((half + Vector128.Create(127)) << 23).AsSingle();
        return value * first * ((exponent - half + Vector128.Create(127)) << 23).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> SwapWithin(Vector128<float> v, int stride) =>
        stride == 1 ? Vector128.Shuffle(v, Vector128.Create(1, 0, 3, 2)) : Vector128.Shuffle(v, Vector128.Create(2, 3, 0, 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Negate(Vector128<float> v, int stride)
    {
        var upper = ~Vector128.Equals(Vector128.Create(0, 1, 2, 3) & Vector128.Create(stride), Vector128<int>.Zero);
        return (v.AsInt32() ^ (upper & Vector128.Create(int.MinValue))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128 FromBytes(Vector128<byte> bytes)
    {
        var (low, high) = Vector128.Widen(bytes);
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        return new(Convert(a.AsInt32()), Convert(b.AsInt32()), Convert(c.AsInt32()), Convert(d.AsInt32()));
    }
}
