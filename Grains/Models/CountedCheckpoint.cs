using QuaRot.Checkpoints;

namespace QuaRot.Grains.Models;

/// <summary>Passes everything on, and tells whenever a layer is asked for; does not own the checkpoint.</summary>
internal sealed class CountedCheckpoint(ICheckpoint inner, Action layerRead) : ICheckpoint
{
    public ModelConfig Config => inner.Config;

    public LinearWeights ReadEmbedding() => inner.ReadEmbedding();

    public LayerWeights ReadLayer(int layer)
    {
        layerRead();
        return inner.ReadLayer(layer);
    }

    public HeadWeights ReadHead() => inner.ReadHead();

    public void Dispose()
    {
    }
}
