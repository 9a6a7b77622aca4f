using QuaRot.Checkpoints;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Engine.Inspection;
using QuaRot.Engine.Tests.Calibration;
using QuaRot.Kernels.Cpu;
using Xunit;

namespace QuaRot.Engine.Tests.Evaluation;

/// <summary>Sites are told apart by the order of the ops that quantize, whichever op that is.</summary>
public sealed class ModelProfileTests : IDisposable
{
    private static readonly QuantizationConfig Float = new() { WeightBits = 16, ActivationBits = 16, KeyBits = 16, ValueBits = 16 };
    private readonly TinyModel _model = new();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_transform_fused_with_the_quantizer_shows_the_same_sites()
    {
        var (separate, fused) = (Measure(Float), Measure(Float with { ActivationBits = 8, ActivationClip = 1 }));
        for (var layer = 0; layer < TinyModel.Config.NumLayers; layer++)
        {
            foreach (var site in ModelProfile.Sites)
            {
                var (expected, actual) = (separate.Figures(layer, site), fused.Figures(layer, site));
                Assert.Equal(expected.Mean, actual.Mean, 0.03 * expected.Mean);
                Assert.Equal(expected.LargestValue, actual.LargestValue, 0.05 * expected.LargestValue);
            }
        }
    }

    private ModelProfile Measure(QuantizationConfig format)
    {
        var folder = _model.File($"a{format.ActivationBits}");
        CheckpointQuantizer.Run(_model.Source, folder, format);
        using var checkpoint = Checkpoint.Open(folder);
        using var backend = CpuBackend.Create();
        return ModelProfile.Measure(checkpoint, TinyModel.Sequences(1)[0], mappedTokens: 4, backend);
    }
}
