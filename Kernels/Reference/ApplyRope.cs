namespace QuaRot.Kernels.Reference;

/// <summary>apply_rope of one head.</summary>
internal static class ApplyRope
{
    public static void Head(Span<float> x, ReadOnlySpan<float> cos, ReadOnlySpan<float> sin)
    {
        var half = x.Length / 2;
        for (var i = 0; i < half; i++)
        {
            var (a, b) = (x[i], x[i + half]);
            x[i] = MathF.FusedMultiplyAdd(-b, sin[i], a * cos[i]);
            x[i + half] = MathF.FusedMultiplyAdd(a, sin[i], b * cos[i]);
        }
    }
}
