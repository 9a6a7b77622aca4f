using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Engine.Calibration;
using QuaRot.Engine.Evaluation;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using Xunit;

namespace QuaRot.Engine.Tests.Calibration;

public sealed class CalibratedQuantizerTests : IDisposable
{
    private static readonly CalibrationOptions Full = new() { RefinementPasses = 1, ResidualShare = 0.5f };
    private readonly TinyModel _model = new();

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(3, 4, 0, true, false)]
    [InlineData(4, 4, 64, true, false)]
    [InlineData(4, 8, 0, false, false)]
    [InlineData(6, 6, 0, true, true)]
    [InlineData(8, 3, 0, true, false)]
    [InlineData(16, 4, 0, true, false)]
    [InlineData(4, 16, 0, true, true)]
    public void EveryFormatIsWrittenAndRuns(int weightBits, int activationBits, int group, bool rotate, bool paper)
    {
        var options = new QuantizationConfig
        {
            WeightBits = weightBits,
            ActivationBits = activationBits,
            KeyBits = activationBits,
            ValueBits = activationBits,
            GroupSize = group,
            Rotate = rotate,
            WeightMethod = WeightMethod.Gptq,
        };
        var written = Quantize("out", options, paper ? Full.AsInThePaper() : Full);
        Assert.Equal(!paper && activationBits < 16, written.ActivationClips is not null);
        Assert.Equal(!paper && activationBits < 16, written.NormBias);
        using var checkpoint = Checkpoint.Open(_model.File("out"));
        Assert.Equal(written, checkpoint.Config.Quantization);
        Assert.All(Score(checkpoint), nll => Assert.InRange(nll, 0, 50));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OutputsComeCloserToTheFloatModels(bool paper)
    {
        var options = new QuantizationConfig { WeightBits = 3, ActivationBits = 8, KeyBits = 8, ValueBits = 8 };
        CheckpointQuantizer.Run(_model.Source, _model.File("rtn"), options);
        var recipe = new CalibrationOptions();
        Quantize("gptq", options, paper ? recipe.AsInThePaper() : recipe);
        using var source = HuggingFaceCheckpoint.Open(_model.Source);
        using var rounded = Checkpoint.Open(_model.File("rtn"));
        using var calibrated = Checkpoint.Open(_model.File("gptq"));
        var exact = Score(source);
        var (rtn, gptq) = (Distance(exact, Score(rounded)), Distance(exact, Score(calibrated)));
        Assert.True(gptq < 0.9 * rtn, $"{gptq} is not below 0.9 of {rtn}");
    }

    [Fact]
    public void WhatAllTokensShareIsNotRounded()
    {
        _model.ShiftEmbedding();
        var options = new QuantizationConfig();
        Quantize("shifted", options, new CalibrationOptions { CentreInputs = false });
        Quantize("centred", options, new CalibrationOptions());
        using var source = HuggingFaceCheckpoint.Open(_model.Source);
        using var shifted = Checkpoint.Open(_model.File("shifted"));
        using var centred = Checkpoint.Open(_model.File("centred"));
        var exact = Score(source);
        var (before, after) = (Distance(exact, Score(shifted)), Distance(exact, Score(centred)));
        Assert.True(after < 0.5 * before, $"{after} is not below half of {before}");
    }

    [Fact]
    public void TheHeadIsFittedToWhatItGets()
    {
        var options = new QuantizationConfig { WeightBits = 3 };
        Quantize("as it was", options, new CalibrationOptions { MatchHead = false }, sequences: 60);
        Quantize("fitted", options, new CalibrationOptions(), sequences: 60);
        using var source = HuggingFaceCheckpoint.Open(_model.Source);
        using var plain = Checkpoint.Open(_model.File("as it was"));
        using var fitted = Checkpoint.Open(_model.File("fitted"));
        Assert.Equal(plain.ReadLayer(1).Down.Data.ToArray(), fitted.ReadLayer(1).Down.Data.ToArray());
        var exact = Logits(source);
        var (before, after) = (Distance(exact, Logits(plain)), Distance(exact, Logits(fitted)));
        Assert.True(after < 0.95 * before, $"{after} is not below 0.95 of {before}");
    }

    [Fact]
    public void ActivationsInGroupsAreForOneClip()
    {
        var options = new QuantizationConfig { GroupSize = 64, ActivationGroupSize = 64, WeightMethod = WeightMethod.Gptq };
        var error = Assert.Throws<CheckpointException>(() => Quantize("searched", options, Full));
        Assert.Contains("--recipe paper", error.Message);
        var written = Quantize("fixed", options, Full with { SearchClips = false });
        Assert.Equal((64, null), (written.ActivationGroupSize, written.ActivationClips));
        using var checkpoint = Checkpoint.Open(_model.File("fixed"));
        Assert.Equal(written, checkpoint.Config.Quantization);
        Assert.All(Score(checkpoint), nll => Assert.InRange(nll, 0, 50));
    }

    [Fact]
    public void ThreadsDoNotChangeTheBytes()
    {
        Quantize("one", new QuantizationConfig(), Full, threads: 1);
        Quantize("three", new QuantizationConfig(), Full, threads: 3);
        AssertSameFiles("one", "three");
    }

    [Fact]
    public void AnInterruptedRunEndsWithTheSameBytes()
    {
        var whole = Quantize("whole", new QuantizationConfig(), Full);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Quantize("out", new QuantizationConfig(), Full, progress: new Canceller(stop), token: stop.Token));
        Assert.Equal(whole, Quantize("out", new QuantizationConfig(), Full));
        AssertSameFiles("whole", "out");
    }

    [Fact]
    public void AQuantizedModelIsRefused()
    {
        Quantize("once", new QuantizationConfig(), Full);
        using var quantizer = new CalibratedQuantizer(CpuBackend.Create(), TinyModel.Sequences(), Full);
        var fault = Assert.Throws<CheckpointException>(() => CheckpointQuantizer.Run(
            _model.File("once"), _model.File("twice"), new QuantizationConfig(), calibrated: quantizer));
        Assert.Contains("quantization_config is present", fault.Message, StringComparison.Ordinal);
    }

    private QuantizationConfig Quantize(string name, QuantizationConfig options, CalibrationOptions calibration, int? threads = null,
        int sequences = 6, IProgress<QuantizeProgress>? progress = null, CancellationToken token = default)
    {
        using var quantizer = new CalibratedQuantizer(CpuBackend.Create(threads: threads), TinyModel.Sequences(sequences), calibration);
        return CheckpointQuantizer.Run(_model.Source, _model.File(name), options, false, progress, token, quantizer);
    }

    /// <summary>On tokens that were not calibrated on.</summary>
    private static float[] Score(ICheckpoint checkpoint)
    {
        using var backend = CpuBackend.Create();
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, TinyModel.Config.NumLayers), backend, KvLayout.PagesFor(128));
        return new WindowScorer(stage).NegativeLogLikelihoods(Window());
    }

    private static float[] Logits(ICheckpoint checkpoint)
    {
        using var backend = CpuBackend.Create();
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, TinyModel.Config.NumLayers), backend, KvLayout.PagesFor(128));
        return [.. new StageLogits(stage).Walk(0, Window()).SelectMany(chunk => chunk.Logits.ToArray())];
    }

    private static int[] Window()
    {
        var random = new Random(99);
        return [.. Enumerable.Range(0, 128).Select(_ => random.Next(TinyModel.Config.VocabSize))];
    }

    private static double Distance(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Pow(x - y, 2)).Sum();

    private void AssertSameFiles(string first, string second)
    {
        foreach (var file in Directory.GetFiles(_model.File(first)))
        {
            var other = Path.Combine(_model.File(second), Path.GetFileName(file));
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(other)), Path.GetFileName(file));
        }
    }

    private sealed class Canceller(CancellationTokenSource source) : IProgress<QuantizeProgress>
    {
        public void Report(QuantizeProgress value) => source.Cancel();
    }
}
