using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>A checkpoint whose quantization says something else, for example that keys and values stay in FP32.</summary>
internal sealed class ReconfiguredCheckpoint(ICheckpoint source, Func<QuantizationConfig, QuantizationConfig> change) : ICheckpoint
{
    public ModelConfig Config { get; } = source.Config with { Quantization = change(source.Config.Quantization!) };

    public LinearWeights ReadEmbedding() => source.ReadEmbedding();

    public LayerWeights ReadLayer(int layer) => source.ReadLayer(layer);

    public HeadWeights ReadHead() => source.ReadHead();

    public void Dispose() => source.Dispose();
}
