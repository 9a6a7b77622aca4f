using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Hadamard;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Forward;

/// <summary>
/// The Hadamard transforms that a rotated model needs at run time (QuaRot, arXiv 2404.00456, section 4, stages 1b to 1d).
/// </summary>
public sealed class OnlineHadamards
{
    private OnlineHadamards(ModelConfig config)
    {
        var (heads, kvHeads, headDim) = (config.NumHeads, config.NumKvHeads, config.HeadDim);
        Query = new HadamardShape(heads, headDim, 1);
        Key = new HadamardShape(kvHeads, headDim, 1);
        AttentionOutput = HadamardSize.TryFactor(heads, out _)
            ? new HadamardShape(1, heads, headDim)
            : new HadamardShape(1, heads * headDim, 1);
        DownInput = new HadamardShape(1, config.IntermediateSize, 1);
        if (config.Quantization!.ActivationBits <= 8)
        {
            AttentionOutput.RequireFixedPoint();
            DownInput.RequireFixedPoint();
        }
    }

    /// <summary>Head-wise on queries after RoPE.</summary>
    public HadamardShape Query { get; }

    /// <summary>Head-wise on keys after RoPE; cancels against <see cref="Query"/> in q·k.</summary>
    public HadamardShape Key { get; }

    /// <summary>
    /// Across heads, or over the whole row where no matrix has the size of the head count; its inverse is folded into Wo.
    /// </summary>
    public HadamardShape AttentionOutput { get; }

    /// <summary>Over the input of down_proj; its inverse is folded into Wdown.</summary>
    public HadamardShape DownInput { get; }

    /// <summary>The transforms of a rotated model; null for any other.</summary>
    /// <exception cref="ArgumentException">A size has no Hadamard matrix, or is too large for integers.</exception>
    public static OnlineHadamards? For(ModelConfig config) => config.Quantization is { Rotate: true } ? new OnlineHadamards(config) : null;
}
