namespace QuaRot.Kernels.Reference;

/// <summary>The sums over lanes that float reductions use: 16 lanes, in rms_norm 256.</summary>
internal static class Dot
{
    public const int Lanes = 16;

    /// <summary>Σ a[i]·b[i] in the order that <see cref="Backends.Backend"/> fixes.</summary>
    public static float Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int count = Lanes)
    {
        Span<float> lanes = stackalloc float[count];
        lanes.Clear();
        for (var start = 0; start < a.Length; start += count)
        {
            for (var lane = 0; lane < count; lane++)
            {
                var i = start + lane;
                lanes[lane] = MathF.FusedMultiplyAdd(i < a.Length ? a[i] : 0f, i < a.Length ? b[i] : 0f, lanes[lane]);
            }
        }

        return Fold(lanes);
    }

    /// <summary>Σ a[i], each element counted as a[i]·1.</summary>
    public static float Sum(ReadOnlySpan<float> a)
    {
        Span<float> ones = stackalloc float[a.Length];
        ones.Fill(1f);
        return Product(a, ones);
    }

    private static float Fold(Span<float> lanes)
    {
        for (var half = lanes.Length / 2; half > 0; half /= 2)
        {
            for (var lane = 0; lane < half; lane++)
            {
                lanes[lane] += lanes[lane + half];
            }
        }

        return lanes[0];
    }
}
