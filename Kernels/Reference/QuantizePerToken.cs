namespace QuaRot.Kernels.Reference;

/// <summary>quantize_per_token of one row.</summary>
internal static class QuantizePerToken
{
    /// <summary>Scales below it would make 1/scale overflow: such a row counts as zero.</summary>
    public const float SmallestScale = 1e-30f;

    /// <summary>Fills <paramref name="codes"/> and returns the scale.</summary>
    public static float Row(ReadOnlySpan<float> x, int bits, float clip, Span<sbyte> codes)
    {
        var highest = (1 << (bits - 1)) - 1;
        var largest = 0f;
        foreach (var value in x)
        {
            largest = MathF.Abs(value) > largest ? MathF.Abs(value) : largest;
        }

        var scale = clip * largest / highest;
        scale = scale < SmallestScale ? 1f : scale;
        var inverse = 1f / scale;
        for (var i = 0; i < x.Length; i++)
        {
            var code = MathF.Round(x[i] * inverse, MidpointRounding.ToEven);
            codes[i] = (sbyte)Math.Clamp(code, -highest - 1, highest);
        }

        return scale;
    }
}
