namespace QuaRot.Kernels.Gpu;

/// <summary>Device addresses of what the blocks of flash_decode tell each other: the states of spans (512 positions).</summary>
/// <param name="Outputs">float [rows of the launch, heads, <paramref name="Stride"/>, head_dim], 16-byte aligned.</param>
/// <param name="MaximaAndSums">float [rows of the launch, heads, <paramref name="Stride"/>, 2], 8-byte aligned.</param>
/// <param name="Arrived">int [rows of the launch, heads], zero before the first launch; every launch leaves zeros.</param>
/// <param name="Stride">Spans that there is room for: at least <see cref="FlashAttention.SpansFor"/> the longest row.</param>
internal readonly record struct SpanStates(ulong Outputs, ulong MaximaAndSums, ulong Arrived, int Stride)
{
    /// <summary>Bytes of <see cref="Outputs"/>.</summary>
    public static long OutputBytes(long rows, int heads, int headDim, int stride) => rows * heads * stride * headDim * sizeof(float);

    /// <summary>Bytes of <see cref="MaximaAndSums"/>.</summary>
    public static long MaximumAndSumBytes(long rows, int heads, int stride) => rows * heads * stride * 2 * sizeof(float);

    /// <summary>Bytes of <see cref="Arrived"/>.</summary>
    public static long ArrivedBytes(long rows, int heads) => rows * heads * sizeof(int);
}
