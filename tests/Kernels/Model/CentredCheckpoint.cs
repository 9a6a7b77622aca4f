using QuaRot.Checkpoints;
using QuaRot.Kernels.Tests.Ops;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>A quantized checkpoint with vectors behind its norms, and biases where a calibrated model has them.</summary>
internal sealed class CentredCheckpoint(ICheckpoint source) : ICheckpoint
{
    public ModelConfig Config { get; } = source.Config with { Quantization = source.Config.Quantization! with { NormBias = true } };

    public LinearWeights ReadEmbedding() => source.ReadEmbedding();

    public LayerWeights ReadLayer(int layer)
    {
        var weights = source.ReadLayer(layer);
        return weights with
        {
            InputNormBias = Data.Normal(Config.HiddenSize, 70 + layer),
            PostAttentionNormBias = Data.Normal(Config.HiddenSize, 80 + layer),
            Q = Biased(weights.Q),
            K = Biased(weights.K),
            V = Biased(weights.V),
            Gate = Biased(weights.Gate),
            Up = Biased(weights.Up),
        };

        LinearWeights Biased(LinearWeights linear) => linear with { Bias = Data.Normal(linear.OutFeatures, 90 + layer) };
    }

    public HeadWeights ReadHead() => source.ReadHead();

    public void Dispose() => source.Dispose();
}
