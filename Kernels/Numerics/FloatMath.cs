namespace QuaRot.Kernels.Numerics;

/// <summary>Elementary functions whose every rounding is fixed here, so that each backend and vector width gives the same bits.</summary>
/// <remarks>Only IEEE operations that are exactly rounded everywhere are used: +, *, fused multiply-add, round half to even.</remarks>
public static class FloatMath
{
    /// <summary>Arguments below it give 0: e^-104 is less than half of the smallest subnormal number.</summary>
    public const float ExpLowest = -104f;

    /// <summary>Arguments above it give infinity, as does it itself.</summary>
    public const float ExpHighest = 89f;

    /// <summary>log2(e).</summary>
    public const float Log2E = 1.44269504f;

    /// <summary>ln 2, rounded to single precision.</summary>
    public const float Ln2High = 0.693147182f;

    /// <summary>What <see cref="Ln2High"/> lacks to ln 2.</summary>
    public const float Ln2Low = -1.90465421e-9f;

    // (e^r - 1 - r) / r^2 on |r| <= ln2/2, interpolated at the five Chebyshev nodes: relative error of e^r below 1e-8.
    internal const float C2 = 0.5f;
    internal const float C3 = 0.166665778f;
    internal const float C4 = 0.0416665561f;
    internal const float C5 = 0.00836317334f;
    internal const float C6 = 0.00139261759f;

    /// <summary>e^x within 2 units in the last place; 0 below <see cref="ExpLowest"/>, infinity above about 88.72.</summary>
    /// <remarks>
    /// n = rint(x·log2 e); r = fma(-n, ln2, x) in two steps; p = 1 + (r + r²·P(r)), P by Horner with FMA; e^x = p·2^⌊n/2⌋·2^⌈n/2⌉.
    /// The power is applied in two steps because 2^n alone leaves the range of a float at both ends.
    /// </remarks>
    public static float Exp(float x)
    {
        x = x < ExpLowest ? ExpLowest : x;
        x = x > ExpHighest ? ExpHighest : x;
        var n = MathF.Round(x * Log2E, MidpointRounding.ToEven);
        var r = MathF.FusedMultiplyAdd(n, -Ln2High, x);
        r = MathF.FusedMultiplyAdd(n, -Ln2Low, r);
        var p = MathF.FusedMultiplyAdd(C6, r, C5);
        p = MathF.FusedMultiplyAdd(p, r, C4);
        p = MathF.FusedMultiplyAdd(p, r, C3);
        p = MathF.FusedMultiplyAdd(p, r, C2);
        p = MathF.FusedMultiplyAdd(p, r * r, r) + 1f;
        var exponent = (int)n;
        var half = exponent >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    /// <summary>x / (1 + e^-x), the gate of the feed-forward network.</summary>
    public static float Silu(float x) => x / (1f + Exp(-x));

    /// <summary>k of a normal number 1.f·2^k.</summary>
    internal static int ExponentOf(float x) => ((BitConverter.SingleToInt32Bits(x) >> 23) & 0xFF) - 127;

    /// <summary>2^exponent, of -126 to 127.</summary>
    internal static float PowerOfTwo(int exponent) => BitConverter.Int32BitsToSingle((exponent + 127) << 23);
}
