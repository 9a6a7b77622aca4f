namespace QuaRot.Kernels.Reference;

/// <summary>rms_norm of one row.</summary>
internal static class RmsNorm
{
    /// <summary>Lanes of the sum of squares: a block of a GPU has a thread for each.</summary>
    public const int Lanes = 256;

    public static void Row(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, ReadOnlySpan<float> bias, float eps, Span<float> y)
    {
        var inverse = 1f / MathF.Sqrt((Dot.Product(x, x, Lanes) / x.Length) + eps);
        for (var i = 0; i < x.Length; i++)
        {
            var normal = x[i] * inverse;
            normal = gain.IsEmpty ? normal : normal * gain[i];
            y[i] = bias.IsEmpty ? normal : normal + bias[i];
        }
    }
}
