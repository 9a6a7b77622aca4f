using QuaRot.Checkpoints.Chat;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.Synthesis;
using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Synthesis;

public sealed class SyntheticCheckpointTests : IDisposable
{
    private static readonly ModelConfig Tiny = ModelShape.Known.Single(shape => shape.Name == "qwen2-7b").Config with
    {
        HiddenSize = 64,
        IntermediateSize = 96,
        NumLayers = 2,
        NumHeads = 4,
        NumKvHeads = 2,
        HeadDim = 16,
        VocabSize = 1000,
    };

    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("model");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("F32", WeightFormat.Float32)]
    [InlineData("F16", WeightFormat.Float16)]
    [InlineData("BF16", WeightFormat.BFloat16)]
    public void Every_tensor_is_there_and_normal(string dtype, WeightFormat format)
    {
        SyntheticCheckpoint.Write(Target, new ModelShape("tiny", dtype, Tiny), seed: 3);
        using var checkpoint = HuggingFaceCheckpoint.Open(Target);
        var layer = checkpoint.ReadLayer(1);
        Assert.Equal(format, layer.Up.Format);
        RequireNormal(layer.Up, 1 / Math.Sqrt(64));
        RequireNormal(layer.Down, 1 / Math.Sqrt(96 * 2 * 2));
        RequireNormal(layer.O, 1 / Math.Sqrt(64 * 2 * 2));
        RequireNormal(checkpoint.ReadEmbedding(), 1 / Math.Sqrt(64));
        RequireNormal(checkpoint.ReadHead().LmHead, 1 / Math.Sqrt(64));
        Assert.InRange(layer.Q.Bias!.Average(b => b * b), 0.15, 0.4);
        Assert.InRange(layer.InputNorm!.Average(), 0.9, 1.1);
        Assert.NotEqual(layer.Gate.Data.ToArray(), layer.Up.Data.ToArray());
        Assert.NotEqual(checkpoint.ReadLayer(0).Up.Data.ToArray(), layer.Up.Data.ToArray());
    }

    [Fact]
    public void The_seed_decides_the_bytes()
    {
        string Write(string name, ulong seed)
        {
            SyntheticCheckpoint.Write(_folder.File(name), new ModelShape("tiny", "BF16", Tiny), seed);
            return Path.Combine(_folder.File(name), "model-00002-of-00004.safetensors");
        }

        byte[] first = File.ReadAllBytes(Write("a", 1));
        Assert.Equal(first, File.ReadAllBytes(Write("b", 1)));
        Assert.NotEqual(first, File.ReadAllBytes(Write("c", 2)));
    }

    [Theory]
    [InlineData(261)]
    [InlineData(1000)]
    [InlineData(32000)]
    public void The_tokenizer_has_the_vocabulary_of_the_model(int vocab)
    {
        SyntheticCheckpoint.Write(Target, new ModelShape("tiny", "F16", Tiny with { VocabSize = vocab }));
        var tokenizer = Tokenizer.Load(Target);
        Assert.Equal(vocab, tokenizer.VocabSize);
        const string Text = "What is a compiler? Ein Übersetzer! 語 aa";
        Assert.Equal(Text, tokenizer.Decode(tokenizer.Encode(Text), skipSpecial: false));
        int[] all = [.. Enumerable.Range(0, vocab)];
        Assert.Equal("<|begin|><|end|><|user|><|assistant|>", tokenizer.Decode(all.AsSpan(0, 4), skipSpecial: false));
        Assert.All(all, id => Assert.True(tokenizer.BytesOf(id).Length > 0));
        Assert.Equal(vocab - 1, Assert.Single(tokenizer.Encode(tokenizer.TokenOf(vocab - 1))));
        var segments = ChatTemplate.Load(Target).Render([new ChatMessage("user", "hi")], addGenerationPrompt: true);
        int[] chat = tokenizer.Encode(segments);
        Assert.Equal([0, 2], chat[..2]);
        Assert.Contains(3, chat);
    }

    [Theory]
    [InlineData(260)]
    [InlineData(475489)]
    public void Other_vocabularies_are_refused_and_nothing_is_left(int vocab)
    {
        var error = Assert.Throws<ArgumentException>(
            () => SyntheticCheckpoint.Write(Target, new ModelShape("tiny", "F16", Tiny with { VocabSize = vocab })));
        Assert.StartsWith($"vocab_size {vocab}: ", error.Message);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_folder_that_exists_is_kept_unless_it_may_be_replaced()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "precious"), "");
        var shape = new ModelShape("tiny", "F16", Tiny);
        var error = Assert.Throws<CheckpointException>(() => SyntheticCheckpoint.Write(Target, shape));
        Assert.Contains("exists already; choose another destination or overwrite it (--force)", error.Message);
        Assert.True(File.Exists(Path.Combine(Target, "precious")));
        SyntheticCheckpoint.Write(Target, shape, overwrite: true);
        Assert.False(File.Exists(Path.Combine(Target, "precious")));
    }

    [Fact]
    public void Progress_counts_the_files_and_a_cancelled_run_leaves_nothing()
    {
        using var stop = new CancellationTokenSource();
        var seen = new List<SynthesisProgress>();
        var progress = new Collector(value =>
        {
            seen.Add(value);
            if (value.FilesDone == 2)
                stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() =>
            SyntheticCheckpoint.Write(Target, new ModelShape("tiny", "F16", Tiny), 0, false, progress, stop.Token));
        Assert.Equal([new(1, 4), new(2, 4)], seen);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private static void RequireNormal(LinearWeights weights, double deviation)
    {
        var row = new float[weights.InFeatures];
        double sum = 0, squares = 0;
        for (int i = 0; i < weights.OutFeatures; i++)
        {
            FloatRows.Read(weights, i, row);
            sum += row.Sum();
            squares += row.Sum(w => (double)w * w);
        }

        // 4,096 draws or more: the mean is off by a 64th of a deviation, the variance by 1/45 of itself; five times that.
        int count = weights.OutFeatures * weights.InFeatures;
        Assert.InRange(sum / count / deviation, -5 / 64.0, 5 / 64.0);
        Assert.InRange(squares / count / (deviation * deviation), 0.89, 1.11);
    }

    private sealed class Collector(Action<SynthesisProgress> add) : IProgress<SynthesisProgress>
    {
        public void Report(SynthesisProgress value) => add(value);
    }
}
