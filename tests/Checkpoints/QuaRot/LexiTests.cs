using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.QuaRot;
using Xunit;

namespace QuaRot.Checkpoints.Tests.QuaRot;

public sealed class LexiTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheDemoModelShrinksToFourBits()
    {
        string target = _folder.File("lexi");
        CheckpointQuantizer.Run(Assets.Lexi, target, new QuantizationConfig { WeightClipSearch = false });
        using ICheckpoint checkpoint = Checkpoint.Open(target);
        Assert.Equal((6, 8192), (checkpoint.Config.NumLayers, checkpoint.Config.VocabSize));
        for (int i = 0; i < 6; i++)
        {
            LayerWeights layer = checkpoint.ReadLayer(i);
            Assert.Equal((512, 1280, 512 * 640), (layer.Down.OutFeatures, layer.Down.InFeatures, layer.Down.Data.Length));
            Assert.Equal(512, layer.Down.Scales.Length);

            // The largest weight of a row is code 7 or, being the negative one, -7: nothing is clipped without a search.
            var codes = new sbyte[1280];
            WeightQuantizer.ReadCodes(layer.Down, 100, codes);
            Assert.Equal(7, codes.Max(c => Math.Abs((int)c)));
        }

        Assert.Equal(Estimate(checkpoint.Config), new DirectoryInfo(target).GetFiles("*.safetensors").Sum(f => f.Length), 200_000.0);
        Assert.True(File.Exists(Path.Combine(target, "tokenizer.json")));
    }

    /// <summary>The estimate for the disk-space check leaves out only headers and per-row scales.</summary>
    private static double Estimate(ModelConfig config) => QuantizationCheck.EstimateBytes(config, config.Quantization!);
}
