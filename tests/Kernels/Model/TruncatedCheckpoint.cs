using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>The first layers of a model with its head: enough to compare backends, and quick on the slow one.</summary>
internal sealed class TruncatedCheckpoint(ICheckpoint source, int layers) : ICheckpoint
{
    public ModelConfig Config { get; } = source.Config with { NumLayers = layers };

    public LinearWeights ReadEmbedding() => source.ReadEmbedding();

    public LayerWeights ReadLayer(int layer) => source.ReadLayer(layer);

    public HeadWeights ReadHead() => source.ReadHead();

    public void Dispose() => source.Dispose();
}
