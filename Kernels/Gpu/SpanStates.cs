namespace QuaRot.Kernels.Gpu;

/// <summary>Device addresses of the states that flash_decode leaves for merge_states, a span (512 positions) each.</summary>
/// <param name="Outputs">float [rows of the launch, heads, <paramref name="Stride"/>, head_dim], 16-byte aligned.</param>
/// <param name="MaximaAndSums">float [rows of the launch, heads, <paramref name="Stride"/>, 2], 8-byte aligned.</param>
/// <param name="Stride">Spans that there is room for: at least <see cref="FlashAttention.SpansFor"/> the longest row.</param>
internal readonly record struct SpanStates(ulong Outputs, ulong MaximaAndSums, int Stride)
{
    /// <summary>Bytes of <see cref="Outputs"/>.</summary>
    public static long OutputBytes(long rows, int heads, int headDim, int stride) => rows * heads * stride * headDim * sizeof(float);

    /// <summary>Bytes of <see cref="MaximaAndSums"/>.</summary>
    public static long MaximumAndSumBytes(long rows, int heads, int stride) => rows * heads * stride * 2 * sizeof(float);
}
