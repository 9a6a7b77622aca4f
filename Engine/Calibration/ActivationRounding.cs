namespace QuaRot.Engine.Calibration;

/// <summary>quantize_per_token and back, on the host: what a linear layer's input is worth once it is quantized.</summary>
internal static class ActivationRounding
{
    /// <summary>Rounds rows; 16 bits copy them.</summary>
    /// <param name="x">[rows, width]</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="bits">3 to 8, or 16.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    /// <param name="rounded">[rows, width]</param>
    public static void Round(ReadOnlyMemory<float> x, int width, int bits, float clip, Memory<float> rounded)
    {
        if (bits == 16)
        {
            x.CopyTo(rounded);
            return;
        }

        Parallel.For(0, x.Length / width, row =>
            RoundRow(x.Span.Slice(row * width, width), bits, clip, rounded.Span.Slice(row * width, width)));
    }

    private static void RoundRow(ReadOnlySpan<float> x, int bits, float clip, Span<float> rounded)
    {
        var highest = (1 << (bits - 1)) - 1;
        var largest = 0f;
        foreach (var value in x)
            largest = MathF.Max(largest, MathF.Abs(value));
        var scale = clip * largest / highest;
        scale = scale < 1e-30f ? 1f : scale;
        var inverse = 1f / scale;
        for (var i = 0; i < x.Length; i++)
            rounded[i] = scale * Math.Clamp(MathF.Round(x[i] * inverse, MidpointRounding.ToEven), -highest - 1, highest);
    }
}
