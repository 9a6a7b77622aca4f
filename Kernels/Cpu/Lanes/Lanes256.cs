using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>16 lanes in two 256-bit vectors.</summary>
internal readonly unsafe struct Lanes256 : ILanes<Lanes256>
{
    private readonly Vector256<float> _a, _b;

    private Lanes256(Vector256<float> a, Vector256<float> b) => (_a, _b) = (a, b);

    public static bool IsFast => Vector256.IsHardwareAccelerated;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Splat(float value) => new(Vector256.Create(value), Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* source) => new(Vector256.Load(source), Vector256.Load(source + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadHalves(ushort* source)
    {
        var (low, high) = Vector256.Widen(Vector256.Load(source));
        return new(Widen(low.AsInt32()), Widen(high.AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadFiniteHalves(ushort* source)
    {
        var (low, high) = Vector256.Widen(Vector256.Load((short*)source));
        return new(WidenFinite(low), WidenFinite(high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBytes(byte* source) => FromBytes(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadNibbles(byte* source) => FromBytes(Nibbles.Split(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadInts(int* source) =>
        new(Vector256.ConvertToSingle(Vector256.Load(source)), Vector256.ConvertToSingle(Vector256.Load(source + 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Lanes256 value)
    {
        value._a.Store(target);
        value._b.Store(target + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInts(int* target, Lanes256 value)
    {
        Vector256.ConvertToInt32Native(value._a).Store(target);
        Vector256.ConvertToInt32Native(value._b).Store(target + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* target, Lanes256 value)
    {
        var shorts = Vector256.Narrow(Vector256.ConvertToInt32Native(value._a), Vector256.ConvertToInt32Native(value._b));
        Vector128.Narrow(shorts.GetLower(), shorts.GetUpper()).AsByte().Store(target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a._a + b._a, a._b + b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a._a - b._a, a._b - b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a._a * b._a, a._b * b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a._a / b._a, a._b / b._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 FusedMultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) =>
        new(Vector256.FusedMultiplyAdd(a._a, b._a, c._a), Vector256.FusedMultiplyAdd(a._b, b._b, c._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => new(Vector256.MaxNative(a._a, b._a), Vector256.MaxNative(a._b, b._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) => new(Vector256.MinNative(a._a, b._a), Vector256.MinNative(a._b, b._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Abs(Lanes256 value) => new(Vector256.Abs(value._a), Vector256.Abs(value._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 value) => new(Vector256.Round(value._a), Vector256.Round(value._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ScaleByPower(Lanes256 value, Lanes256 n) => new(Scale(value._a, n._a), Scale(value._b, n._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Swap(Lanes256 value, int stride) =>
        stride == 8 ? new(value._b, value._a) : new(Swap(value._a, stride), Swap(value._b, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 NegateUpper(Lanes256 value, int stride) =>
        stride == 8 ? new(value._a, -value._b) : new(Negate(value._a, stride), Negate(value._b, stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold(Lanes256 value) => LaneFolds.Sum(value._a + value._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxOf(Lanes256 value) => LaneFolds.Max(Vector256.MaxNative(value._a, value._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> WidenFinite(Vector256<int> bits) =>
        ((bits << 13) & Vector256.Create(HalfBits.Moved)).AsSingle() * HalfBits.Rebias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(Vector256<int> bits)
    {
        var magnitude = bits & Vector256.Create(HalfBits.Magnitude);
        var value = (magnitude << 13).AsSingle() * HalfBits.Rebias;
        var isSpecial = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(HalfBits.Infinity));
        var special = isSpecial & Vector256.Create(HalfBits.FloatInfinity);
        return (value.AsInt32() | special | ((bits & Vector256.Create(HalfBits.Sign)) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale(Vector256<float> value, Vector256<float> n)
    {
        var exponent = Vector256.ConvertToInt32Native(n);
        var half = exponent >> 1;
        var first = ((half + Vector256.Create(127)) << 23).AsSingle();
        return value * first * ((exponent - half + Vector256.Create(127)) << 23).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Swap(Vector256<float> v, int stride) => stride switch
    {
        1 => Vector256.Shuffle(v, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6)),
        2 => Vector256.Shuffle(v, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5)),
        _ => Vector256.Shuffle(v, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3)),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Negate(Vector256<float> v, int stride)
    {
        var lane = Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7);
        var upper = ~Vector256.Equals(lane & Vector256.Create(stride), Vector256<int>.Zero);
        return (v.AsInt32() ^ (upper & Vector256.Create(int.MinValue))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256 FromBytes(Vector128<byte> bytes)
    {
        var (low, high) = Vector128.Widen(bytes);
        return new(FromShorts(low), FromShorts(high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FromShorts(Vector128<ushort> shorts)
    {
        var (low, high) = Vector128.Widen(shorts);
        return Vector256.ConvertToSingle(Vector256.Create(low, high).AsInt32());
    }
}
