using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Engine.Calibration;

/// <summary>The weights of a decoder layer on a backend, loaded piece by piece.</summary>
internal sealed class PackedLayer(Backend ops, LayerWeights norms) : IDisposable
{
    private readonly List<PackedLinear> _linears = [];
    private readonly List<FloatBuffer> _vectors = [];

    /// <summary>Gain before attention, or null.</summary>
    public FloatBuffer? InputNorm { get; } = norms.InputNorm is { } gain ? ops.Upload(gain) : null;

    /// <summary>Gain before the feed-forward network, or null.</summary>
    public FloatBuffer? PostAttentionNorm { get; } = norms.PostAttentionNorm is { } gain ? ops.Upload(gain) : null;

    public PackedLinear Load(LinearWeights weights)
    {
        var packed = ops.LoadLinear(weights);
        _linears.Add(packed);
        return packed;
    }

    public FloatBuffer Upload(float[] vector)
    {
        var buffer = ops.Upload(vector);
        _vectors.Add(buffer);
        return buffer;
    }

    public void Dispose()
    {
        InputNorm?.Dispose();
        PostAttentionNorm?.Dispose();
        _vectors.ForEach(vector => vector.Dispose());
        _linears.ForEach(linear => linear.Dispose());
    }
}
