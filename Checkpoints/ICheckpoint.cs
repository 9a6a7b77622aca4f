namespace QuaRot.Checkpoints;

/// <summary>A model on disk or in memory, read piece by piece so that a shard touches only its own layers.</summary>
/// <remarks>Thread-safe. What is returned may view mapped files and is valid until the checkpoint is disposed.</remarks>
public interface ICheckpoint : IDisposable
{
    /// <summary>Shape, constants and quantization.</summary>
    ModelConfig Config { get; }

    /// <summary>[vocab, hidden] in a float format.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape or type than the config says.</exception>
    LinearWeights ReadEmbedding();

    /// <summary>The weights of layer <paramref name="layer"/>, counted from 0.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape or type than the config says.</exception>
    LayerWeights ReadLayer(int layer);

    /// <summary>Final norm and lm_head.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape or type than the config says.</exception>
    HeadWeights ReadHead();
}
