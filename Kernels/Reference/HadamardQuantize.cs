using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Reference;

/// <summary>hadamard_quantize of one row, [size][inner].</summary>
internal static class HadamardQuantize
{
    /// <summary>Largest |t|: 15 bits and a sign.</summary>
    public const int LargestInteger = 32767;

    /// <summary>The largest element of a row lies in [2^14, 2^15] after scaling.</summary>
    public const int FixedPointBits = 14;

    /// <summary>Fills <paramref name="codes"/> and returns the scale.</summary>
    public static float Row(ReadOnlySpan<float> x, HadamardShape shape, int bits, float clip, Span<sbyte> codes)
    {
        var largest = 0f;
        foreach (var value in x)
        {
            largest = MathF.Abs(value) > largest ? MathF.Abs(value) : largest;
        }

        if (largest < QuantizePerToken.SmallestScale)
        {
            codes.Clear();
            return 1f;
        }

        var exponent = FloatMath.ExponentOf(largest);
        var z = Integers(x, FloatMath.PowerOfTwo(FixedPointBits - exponent));
        Transform(z, shape);
        return Quantize(z, bits, clip, shape.Scale * FloatMath.PowerOfTwo(exponent - FixedPointBits), codes);
    }

    private static int[] Integers(ReadOnlySpan<float> x, float factor)
    {
        var t = new int[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            t[i] = (int)Math.Clamp(MathF.Round(x[i] * factor, MidpointRounding.ToEven), -LargestInteger, LargestInteger);
        }

        return t;
    }

    private static float Quantize(int[] z, int bits, float clip, float unit, Span<sbyte> codes)
    {
        var highest = (1 << (bits - 1)) - 1;
        var step = clip * (float)z.Max(Math.Abs) / highest;
        var scale = step * unit;
        if (scale < QuantizePerToken.SmallestScale)
        {
            codes.Clear();
            return 1f;
        }

        var inverse = 1f / step;
        for (var i = 0; i < z.Length; i++)
        {
            var code = MathF.Round((float)z[i] * inverse, MidpointRounding.ToEven);
            codes[i] = (sbyte)Math.Clamp(code, -highest - 1, highest);
        }

        return scale;
    }

    /// <summary>z := z·H over the middle index, without 1/√size.</summary>
    private static void Transform(int[] z, HadamardShape shape)
    {
        for (var stride = shape.Inner; stride < shape.Doublings * shape.Inner; stride *= 2)
        {
            for (var i = 0; i < z.Length; i++)
            {
                if (i / stride % 2 == 0)
                {
                    (z[i], z[i + stride]) = (z[i] + z[i + stride], z[i] - z[i + stride]);
                }
            }
        }

        if (shape.Order > 1)
        {
            Mix(z, shape);
        }
    }

    private static void Mix(int[] z, HadamardShape shape)
    {
        var (source, part) = (z.ToArray(), shape.Doublings * shape.Inner);
        for (var i = 0; i < z.Length; i++)
        {
            var (to, within) = (i / part, i % part);
            z[i] = 0;
            for (var from = 0; from < shape.Order; from++)
            {
                z[i] += shape.Matrix[(from * shape.Order) + to] * source[(from * part) + within];
            }
        }
    }
}
