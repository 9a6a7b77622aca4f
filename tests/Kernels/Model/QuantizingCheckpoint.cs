using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>A float checkpoint whose layers are quantized as they are read.</summary>
internal sealed class QuantizingCheckpoint(ICheckpoint source, QuantizationConfig quantization) : ICheckpoint
{
    public ModelConfig Config { get; } = source.Config with { Quantization = quantization };

    public LinearWeights ReadEmbedding() => source.ReadEmbedding();

    public HeadWeights ReadHead() => source.ReadHead();

    public LayerWeights ReadLayer(int layer)
    {
        var w = source.ReadLayer(layer);
        return w with
        {
            Q = Cut(w.Q),
            K = Cut(w.K),
            V = Cut(w.V),
            O = Cut(w.O),
            Gate = Cut(w.Gate),
            Up = Cut(w.Up),
            Down = Cut(w.Down),
        };
    }

    public void Dispose() => source.Dispose();

    private LinearWeights Cut(LinearWeights w) => quantization.WeightBits == 16
        ? w
        : WeightQuantizer.Quantize(w, quantization.WeightBits, quantization.GroupSize, quantization.WeightClipSearch);
}
