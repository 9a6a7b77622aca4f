namespace QuaRot.Kernels.Reference;

/// <summary>rms_norm of one row.</summary>
internal static class RmsNorm
{
    /// <summary>Lanes of its sum: a GPU block's threads, so that no chain of additions is long.</summary>
    public const int Lanes = 256;

    public static void Row(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, float eps, Span<float> y)
    {
        var inverse = 1f / MathF.Sqrt((Dot.Product(x, x, Lanes) / x.Length) + eps);
        for (var i = 0; i < x.Length; i++)
        {
            var normal = x[i] * inverse;
            y[i] = gain.IsEmpty ? normal : normal * gain[i];
        }
    }
}
