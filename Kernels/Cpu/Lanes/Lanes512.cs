using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>16 lanes in one 512-bit vector.</summary>
internal readonly unsafe struct Lanes512 : ILanes<Lanes512>
{
    private readonly Vector512<float> _v;

    private Lanes512(Vector512<float> v) => _v = v;

    public static bool IsFast => Vector512.IsHardwareAccelerated;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Splat(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadHalves(ushort* source)
    {
        var (low, high) = Vector256.Widen(Vector256.Load(source));
        var bits = Vector512.Create(low, high).AsInt32();
        var magnitude = bits & Vector512.Create(HalfBits.Magnitude);
        var value = (magnitude << 13).AsSingle() * HalfBits.Rebias;
        var isSpecial = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(HalfBits.Infinity));
        var special = isSpecial & Vector512.Create(HalfBits.FloatInfinity);
        return new((value.AsInt32() | special | ((bits & Vector512.Create(HalfBits.Sign)) << 16)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadFiniteHalves(ushort* source)
    {
        var bits = (Avx512F.ConvertToVector512Int32(Vector256.Load((short*)source)) << 13) & Vector512.Create(HalfBits.Moved);
        return new(bits.AsSingle() * HalfBits.Rebias);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBytes(byte* source) => FromBytes(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadNibbles(byte* source) => FromBytes(Nibbles.Split(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadInts(int* source) => new(Vector512.ConvertToSingle(Vector512.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, Lanes512 value) => value._v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInts(int* target, Lanes512 value) => Vector512.ConvertToInt32Native(value._v).Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* target, Lanes512 value)
    {
        var ints = Vector512.ConvertToInt32Native(value._v);
        if (Avx512F.IsSupported)
        {
            Avx512F.ConvertToVector128Byte(ints).Store(target);
            return;
        }

        var shorts = Vector256.Narrow(ints.GetLower(), ints.GetUpper());
        Vector128.Narrow(shorts.GetLower(), shorts.GetUpper()).AsByte().Store(target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 FusedMultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Vector512.MaxNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 a, Lanes512 b) => new(Vector512.MinNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Abs(Lanes512 value) => new(Vector512.Abs(value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 value) => new(Vector512.Round(value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ScaleByPower(Lanes512 value, Lanes512 n)
    {
        var exponent = Vector512.ConvertToInt32Native(n._v);
        var half = exponent >> 1;
        var first = ((half + Vector512.Create(127)) << 23).AsSingle();
        var second = ((exponent - half + Vector512.Create(127)) << 23).AsSingle();
        return new(value._v * first * second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Swap(Lanes512 value, int stride) => new(stride switch
    {
        1 => Vector512.Shuffle(value._v, Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)),
        2 => Vector512.Shuffle(value._v, Vector512.Create(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)),
        4 => Vector512.Shuffle(value._v, Vector512.Create(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)),
        _ => Vector512.Shuffle(value._v, Vector512.Create(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)),
    });

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 NegateUpper(Lanes512 value, int stride)
    {
        var lane = Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        var upper = ~Vector512.Equals(lane & Vector512.Create(stride), Vector512<int>.Zero);
        return new((value._v.AsInt32() ^ (upper & Vector512.Create(int.MinValue))).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fold(Lanes512 value) => LaneFolds.Sum(value._v.GetLower() + value._v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxOf(Lanes512 value) => LaneFolds.Max(Vector256.MaxNative(value._v.GetLower(), value._v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes512 FromBytes(Vector128<byte> bytes)
    {
        var (low, high) = Vector256.Widen(Widened(bytes));
        return new(Vector512.ConvertToSingle(Vector512.Create(low, high).AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Widened(Vector128<byte> bytes)
    {
        var (low, high) = Vector128.Widen(bytes);
        return Vector256.Create(low, high);
    }
}
