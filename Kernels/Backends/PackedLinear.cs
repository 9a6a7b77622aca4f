using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Backends;

/// <summary>A linear layer (or embedding table) in the layout that its backend wants; independent of the checkpoint it came from.</summary>
public abstract class PackedLinear(LinearWeights source) : IDisposable
{
    /// <summary>Tensor name in the checkpoint.</summary>
    public string Name { get; } = source.Name;

    /// <summary>Columns of W.</summary>
    public int InFeatures { get; } = source.InFeatures;

    /// <summary>Rows of W.</summary>
    public int OutFeatures { get; } = source.OutFeatures;

    /// <summary>Input features that share a scale; <see cref="InFeatures"/> where there is one scale per output channel.</summary>
    public int GroupSize { get; } = source.GroupSize == 0 ? source.InFeatures : source.GroupSize;

    /// <summary>Scales of an output channel.</summary>
    public int Groups => InFeatures / GroupSize;

    /// <summary>Bytes that it keeps resident, scales and bias included.</summary>
    public abstract long Bytes { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}
