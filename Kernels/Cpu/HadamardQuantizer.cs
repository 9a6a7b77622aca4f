using System.Runtime.CompilerServices;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Numerics;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>hadamard_quantize of one row, [order][part] with part = 2^k·inner a multiple of 16.</summary>
/// <remarks>
/// Sums of integers may come in any order, so the m x m matrix goes first, while the elements still fit 16 bits: a multiply-add of int16
/// pairs takes two of the m parts at a time. Then come the butterflies, in int32.
/// </remarks>
internal static unsafe class HadamardQuantizer<T, TBytes>
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private const int Count = ILanes<T>.Count;

    /// <summary>Bytes of scratch memory for a row: int32 [width], then int16 [width].</summary>
    public static long ScratchBytes(HadamardShape shape) => 6L * shape.Width;

    /// <summary>Fills codes [stride], the padding with zeros, and returns the scale.</summary>
    public static float Row(float* x, HadamardShape shape, int bits, float clip, sbyte* codes, int stride, byte* scratch)
    {
        var z = (int*)scratch;
        var largest = Largest(x, shape.Width);
        if (largest < QuantizePerToken.SmallestScale)
        {
            new Span<sbyte>(codes, stride).Clear();
            return 1f;
        }

        var exponent = FloatMath.ExponentOf(largest);
        var factor = FloatMath.PowerOfTwo(HadamardQuantize.FixedPointBits - exponent);
        var part = shape.Doublings * shape.Inner;
        if (shape.Order == 1)
        {
            for (var i = 0; i < part; i += Count)
            {
                T.StoreInts(z + i, Integers(x + i, T.Splat(factor)));
            }
        }
        else
        {
            var pairs = scratch + (4L * shape.Width);
            PairUp(x, pairs, part, shape.Order / 2, T.Splat(factor));
            Mix(pairs, z, part, shape);
        }

        for (var start = z; start < z + shape.Width; start += part)
        {
            Butterflies(start, part, shape.Inner);
        }

        var unit = shape.Scale * FloatMath.PowerOfTwo(exponent - HadamardQuantize.FixedPointBits);
        return Quantize(z, shape.Width, bits, clip, unit, codes, stride);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Largest(float* x, int width)
    {
        T a = T.Splat(0f), b = a;
        for (var i = 0; i < width; i += 2 * Count)
        {
            a = T.Max(T.Abs(T.Load(x + i)), a);
            b = i + Count < width ? T.Max(T.Abs(T.Load(x + i + Count)), b) : b;
        }

        return T.MaxOf(T.Max(a, b));
    }

    private static T Integers(float* x, T factor) => T.Min(
        T.Max(T.Round(T.Load(x) * factor), T.Splat(-HadamardQuantize.LargestInteger)), T.Splat(HadamardQuantize.LargestInteger));

    /// <summary>[2·pairs][part] floats to [pairs][part] pairs of int16.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void PairUp(float* x, byte* target, int part, int pairs, T factor)
    {
        int* even = stackalloc int[Count], odd = stackalloc int[Count];
        for (var pair = 0; pair < pairs; pair++, x += 2 * part)
        {
            for (var i = 0; i < part; i += Count, target += IByteLanes<TBytes>.Size)
            {
                T.StoreInts(even, Integers(x + i, factor));
                T.StoreInts(odd, Integers(x + part + i, factor));
                TBytes.Store(target, TBytes.PairShorts(TBytes.Load((byte*)even), TBytes.Load((byte*)odd)));
            }
        }
    }

    /// <summary>Part a' of z := Σ_a H[a, a']·part a; m is a multiple of 4, and four parts take shape at a time.</summary>
    private static void Mix(byte* pairs, int* z, int part, HadamardShape shape)
    {
        fixed (int* signs = shape.SignPairs)
        {
            for (var to = 0; to < shape.Order; to += 4)
            {
                for (var i = 0; i < part; i += Count)
                {
                    MixFour(pairs + (4 * i), z + (to * part) + i, part, signs + to, shape.Order);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MixFour(byte* pairs, int* z, int part, int* signs, int order)
    {
        TBytes a = TBytes.Zero, b = a, c = a, d = a;
        for (var from = 0; from < order; from += 2, pairs += 4L * part, signs += order)
        {
            var value = TBytes.Load(pairs);
            a = TBytes.MultiplyAddShorts(value, TBytes.Repeat(signs), a);
            b = TBytes.MultiplyAddShorts(value, TBytes.Repeat(signs + 1), b);
            c = TBytes.MultiplyAddShorts(value, TBytes.Repeat(signs + 2), c);
            d = TBytes.MultiplyAddShorts(value, TBytes.Repeat(signs + 3), d);
        }

        TBytes.StoreInts(z, a);
        TBytes.StoreInts(z + part, b);
        TBytes.StoreInts(z + (2 * part), c);
        TBytes.StoreInts(z + (3 * part), d);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Butterflies(int* z, int length, int firstStride)
    {
        for (var stride = firstStride; stride < length; stride *= 2)
        {
            if (stride < Count)
            {
                for (var i = 0; i < length; i += Count)
                {
                    TBytes.StoreInts(z + i, TBytes.ButterflyInts(TBytes.Load((byte*)(z + i)), stride));
                }

                continue;
            }

            for (var start = 0; start < length; start += 2 * stride)
            {
                for (var i = start; i < start + stride; i += Count)
                {
                    TBytes u = TBytes.Load((byte*)(z + i)), v = TBytes.Load((byte*)(z + i + stride));
                    TBytes.StoreInts(z + i, TBytes.AddInts(u, v));
                    TBytes.StoreInts(z + i + stride, TBytes.SubtractInts(u, v));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Quantize(int* z, int width, int bits, float clip, float unit, sbyte* codes, int stride)
    {
        // The largest of the rounded integers is the largest integer, rounded.
        var largest = T.Splat(0f);
        for (var i = 0; i < width; i += Count)
        {
            largest = T.Max(T.Abs(T.LoadInts(z + i)), largest);
        }

        var highest = (1 << (bits - 1)) - 1;
        var step = clip * T.MaxOf(largest) / highest;
        var scale = step * unit;
        var used = scale < QuantizePerToken.SmallestScale ? 0 : width;
        T inverse = T.Splat(1f / step), low = T.Splat(-highest - 1), high = T.Splat(highest);
        for (var i = 0; i < used; i += Count)
        {
            T.StoreBytes((byte*)codes + i, T.Min(T.Max(T.Round(T.LoadInts(z + i) * inverse), low), high));
        }

        new Span<sbyte>(codes + used, stride - used).Clear();
        return used == 0 ? 1f : scale;
    }
}
