using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Reference;

/// <summary>hadamard_quantize of one row.</summary>
internal static class HadamardQuantizer
{
    /// <summary>Bits of a fixed point number below its sign.</summary>
    public const int FractionBits = 14;

    /// <summary>Largest fixed point number.</summary>
    public const int Largest = 32767;

    /// <summary>2^(14-k) for a row whose largest magnitude has the exponent k.</summary>
    public static float FixedPointFactor(float largest) => PowerOfTwo(FractionBits - Exponent(largest));

    /// <summary>What one unit of the transformed row is worth: (1/√size)·2^(k-14).</summary>
    public static float Unit(float largest, HadamardShape shape) => shape.Scale * PowerOfTwo(Exponent(largest) - FractionBits);

    /// <summary>Fills <paramref name="codes"/> and returns the scale.</summary>
    public static float Row(ReadOnlySpan<float> x, HadamardShape shape, int bits, float clip, Span<sbyte> codes)
    {
        codes.Clear();
        var largest = 0f;
        foreach (var value in x)
        {
            largest = MathF.Abs(value) > largest ? MathF.Abs(value) : largest;
        }

        if (largest < QuantizePerToken.SmallestScale)
        {
            return 1f;
        }

        var z = Transform(x, FixedPointFactor(largest), shape);
        var highest = (1 << (bits - 1)) - 1;
        var step = clip * z.Max(value => Math.Abs(value)) / highest;
        var scale = step * Unit(largest, shape);
        if (scale < QuantizePerToken.SmallestScale)
        {
            return 1f;
        }

        var inverse = 1f / step;
        for (var i = 0; i < z.Length; i++)
        {
            codes[i] = (sbyte)Math.Clamp(MathF.Round(z[i] * inverse, MidpointRounding.ToEven), -highest - 1, highest);
        }

        return scale;
    }

    private static int[] Transform(ReadOnlySpan<float> x, float factor, HadamardShape shape)
    {
        var fixedPoint = new int[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            fixedPoint[i] = (int)Math.Clamp(MathF.Round(x[i] * factor, MidpointRounding.ToEven), -Largest, Largest);
        }

        var z = new int[x.Length];
        for (var to = 0; to < shape.Size; to++)
        {
            for (var from = 0; from < shape.Size; from++)
            {
                for (var inner = 0; inner < shape.Inner; inner++)
                {
                    z[(to * shape.Inner) + inner] += Sign(shape, from, to) * fixedPoint[(from * shape.Inner) + inner];
                }
            }
        }

        return z;
    }

    // H_m ⊗ H_2^k, Sylvester's H_2^k: -1 where the numbers share an odd number of ones.
    private static int Sign(HadamardShape shape, int from, int to)
    {
        var (a, b, c, d) = (from / shape.Doublings, from % shape.Doublings, to / shape.Doublings, to % shape.Doublings);
        return shape.Matrix[(a * shape.Order) + c] * (int.PopCount(b & d) % 2 == 0 ? 1 : -1);
    }

    private static int Exponent(float value) => (BitConverter.SingleToInt32Bits(value) >> 23) - 127;

    private static float PowerOfTwo(int exponent) => BitConverter.Int32BitsToSingle((Math.Clamp(exponent, -126, 127) + 127) << 23);
}
