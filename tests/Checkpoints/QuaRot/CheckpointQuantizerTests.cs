using System.Text.Json.Nodes;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Rotation;
using Xunit;

namespace QuaRot.Checkpoints.Tests.QuaRot;

public sealed class CheckpointQuantizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Source => _folder.File("source");

    private string Target => _folder.File("target");

    public CheckpointQuantizerTests() => QuaRotTestModel.Save(Source);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(4, 0, true)]
    [InlineData(4, 16, true)]
    [InlineData(3, 8, false)]
    [InlineData(6, 0, true)]
    [InlineData(8, 16, false)]
    public void IntegerLayersComeBackAsTheQuantizerMadeThem(int bits, int group, bool rotate)
    {
        var options = new QuantizationConfig { WeightBits = bits, GroupSize = group, Rotate = rotate, Seed = 9, WeightClipSearch = rotate };
        QuantizationConfig written = CheckpointQuantizer.Run(Source, Target, options);
        using ICheckpoint checkpoint = Checkpoint.Open(Target);
        using ICheckpoint source = OpenSource(rotate);
        Assert.IsType<QuaRotCheckpoint>(checkpoint);
        Assert.Equal(written, checkpoint.Config.Quantization);
        Assert.Equal(options with { SourceHash = written.SourceHash }, written);
        for (int i = 0; i < 2; i++)
        {
            LayerWeights expected = source.ReadLayer(i);
            LayerWeights actual = checkpoint.ReadLayer(i);
            Assert.Equal(rotate ? null : expected.InputNorm, actual.InputNorm);
            Assert.Equal(rotate ? null : expected.PostAttentionNorm, actual.PostAttentionNorm);
            foreach ((LinearWeights e, LinearWeights a) in Linears(expected).Zip(Linears(actual)))
            {
                LinearWeights quantized = WeightQuantizer.Quantize(e, bits, group, rotate);
                Assert.Equal((e.Name, bits <= 4 ? WeightFormat.Int4 : WeightFormat.Int8), (a.Name, a.Format));
                Assert.Equal(quantized.Scales, a.Scales);
                Assert.Equal(quantized.Data.ToArray(), a.Data.ToArray());
                Assert.Equal(group, a.GroupSize);
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FloatTensorsAreTheHalfPrecisionOnes(bool rotate)
    {
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig { WeightBits = 16, Rotate = rotate, Seed = 9, GroupSize = 64 });
        using ICheckpoint checkpoint = Checkpoint.Open(Target);
        using ICheckpoint source = OpenSource(rotate);
        AssertHalf(source.ReadEmbedding(), checkpoint.ReadEmbedding());
        AssertHalf(source.ReadHead().LmHead, checkpoint.ReadHead().LmHead);
        Assert.Equal(rotate ? null : source.ReadHead().FinalNorm, checkpoint.ReadHead().FinalNorm);
        AssertHalf(source.ReadLayer(1).Down, checkpoint.ReadLayer(1).Down);
        Assert.Equal(0, checkpoint.Config.Quantization!.GroupSize);
    }

    [Fact]
    public void TheFolderHoldsAFileForEachLayerAndTheTokenizer()
    {
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig());
        Assert.Equal(
            ["chat_template.jinja", "config.json", "generation_config.json", "model-embed-head.safetensors",
                "model-layer-00000.safetensors", "model-layer-00001.safetensors", "model.safetensors.index.json",
                "tokenizer.json", "tokenizer_config.json"],
            Directory.GetFileSystemEntries(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        JsonObject before = JsonNode.Parse(QuaRotTestModel.Config)!.AsObject();
        JsonObject after = JsonNode.Parse(File.ReadAllText(Path.Combine(Target, "config.json")))!.AsObject();
        Assert.False((bool)after["tie_word_embeddings"]!);
        Assert.Equal("quarot", (string?)after["quantization_config"]!["quant_method"]);
        foreach ((string field, JsonNode? value) in before.Where(entry => entry.Key != "tie_word_embeddings"))
        {
            Assert.True(JsonNode.DeepEquals(value, after[field]), field);
        }
    }

    [Fact]
    public void TheSameSeedGivesTheSameBytes()
    {
        QuantizationConfig first = CheckpointQuantizer.Run(Source, Target, new QuantizationConfig { Seed = 5 });
        QuantizationConfig second = CheckpointQuantizer.Run(Source, _folder.File("again"), new QuantizationConfig { Seed = 5 });
        CheckpointQuantizer.Run(Source, _folder.File("other"), new QuantizationConfig { Seed = 6 });
        Assert.Equal(first, second);
        foreach (string file in Directory.GetFiles(Target))
        {
            string name = Path.GetFileName(file);
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(_folder.File("again"), name))), name);
        }

        const string Layer = "model-layer-00000.safetensors";
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(Target, Layer)), File.ReadAllBytes(Path.Combine(_folder.File("other"), Layer)));
    }

    [Fact]
    public void TheSourceHashIsOfTheTensorsAlone()
    {
        string Hash(string target) => CheckpointQuantizer.Run(Source, _folder.File(target), new QuantizationConfig()).SourceHash;
        string first = Hash("a");
        File.WriteAllText(Path.Combine(Source, "tokenizer.json"), "{}");
        Assert.Equal(first, Hash("b"));
        Assert.Matches("^[0-9a-f]{64}$", first);
        QuaRotTestModel.Save(Source, change: (name, values) =>
            values[0] += name.EndsWith("0.mlp.down_proj.weight", StringComparison.Ordinal) ? 1 : 0);
        Assert.NotEqual(first, Hash("c"));
    }

    [Fact]
    public void ProgressCountsTheLayers()
    {
        var seen = new List<QuantizeProgress>();
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig(), progress: new Collector(seen.Add));
        Assert.Equal([(1, false), (2, false), (2, true)], seen.Select(p => (p.LayersDone, p.Finished)));
        Assert.All(seen, p => Assert.Equal(2, p.Layers));
        Assert.True(seen[0].BytesWritten > 0 && seen[0].BytesWritten < seen[1].BytesWritten && seen[1].BytesWritten < seen[2].BytesWritten);
        JsonNode index = JsonNode.Parse(File.ReadAllText(Path.Combine(Target, "model.safetensors.index.json")))!;
        Assert.Equal((long)index["metadata"]!["total_size"]!, seen[2].BytesWritten);
    }

    private ICheckpoint OpenSource(bool rotate) =>
        rotate ? new RotatedCheckpoint(HuggingFaceCheckpoint.Open(Source), seed: 9) : HuggingFaceCheckpoint.Open(Source);

    private static void AssertHalf(LinearWeights expected, LinearWeights actual)
    {
        Assert.Equal(WeightFormat.Float16, actual.Format);
        Assert.Equal(FloatRows.Convert(expected, WeightFormat.Float16, default).Data.ToArray(), actual.Data.ToArray());
    }

    private static IEnumerable<LinearWeights> Linears(LayerWeights layer) =>
        [layer.Q, layer.K, layer.V, layer.O, layer.Gate, layer.Up, layer.Down];

    /// <summary>Unlike <see cref="Progress{T}"/> it reports at once, on the caller's thread.</summary>
    private sealed class Collector(Action<QuantizeProgress> add) : IProgress<QuantizeProgress>
    {
        public void Report(QuantizeProgress value) => add(value);
    }
}
