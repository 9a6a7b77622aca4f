using System.Collections.Concurrent;
using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Rotates and quantizes each part of its source once, for all the stages that tests load from it.</summary>
internal sealed class CachedCheckpoint(ICheckpoint source) : ICheckpoint
{
    private readonly ConcurrentDictionary<int, LayerWeights> _layers = new();
    private readonly Lazy<LinearWeights> _embedding = new(source.ReadEmbedding);
    private readonly Lazy<HeadWeights> _head = new(source.ReadHead);

    public ModelConfig Config => source.Config;

    public LinearWeights ReadEmbedding() => _embedding.Value;

    public LayerWeights ReadLayer(int layer) => _layers.GetOrAdd(layer, source.ReadLayer);

    public HeadWeights ReadHead() => _head.Value;

    public void Dispose() => source.Dispose();
}
