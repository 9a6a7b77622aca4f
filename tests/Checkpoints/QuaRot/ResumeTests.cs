using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Rotation;
using Xunit;

namespace QuaRot.Checkpoints.Tests.QuaRot;

/// <summary>A cancelled run's layers are taken up by the next one, if it would write the same.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Source => _folder.File("source");

    private string Target => _folder.File("target");

    private string Partial => _folder.File(".target.partial");

    public ResumeTests() => QuaRotTestModel.Save(Source);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheNextRunGoesOnAndWritesTheSameBytes(bool calibrated)
    {
        var options = new QuantizationConfig { Seed = 4 };
        ILayerQuantizer? Quantizer() => calibrated ? new Recorder() : null;
        QuantizationConfig expected = CheckpointQuantizer.Run(Source, _folder.File("whole"), options, calibrated: Quantizer());
        CancelAfterOneLayer(options, Quantizer());
        DateTime written = File.GetLastWriteTimeUtc(Path.Combine(Partial, "model-layer-00000.safetensors"));

        ILayerQuantizer? second = Quantizer();
        Assert.Equal(expected, CheckpointQuantizer.Run(Source, Target, options, calibrated: second));
        if (second is Recorder recorder)
        {
            Assert.Equal(["begin", "skip 0", "quantize 1"], recorder.Calls);
        }

        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(Target, "model-layer-00000.safetensors")));
        Assert.False(Directory.Exists(Partial));
        Assert.Equal(Names(_folder.File("whole")), Names(Target));
        foreach (string name in Names(Target))
        {
            Assert.True(
                File.ReadAllBytes(Path.Combine(_folder.File("whole"), name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(Target, name))),
                name);
        }
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("source")]
    [InlineData("calibration")]
    [InlineData("note")]
    public void WhatAnotherRunLeftIsRemoved(string difference)
    {
        var options = new QuantizationConfig { Seed = 4 };
        CancelAfterOneLayer(options, new Recorder());
        if (difference == "source")
        {
            QuaRotTestModel.Save(Source, seed: 2);
        }
        else if (difference == "note")
        {
            File.WriteAllText(Path.Combine(Partial, ".resume.json"), "{\"Key\":");
        }

        var second = new Recorder { Fingerprint = difference == "calibration" ? "another text" : "a text" };
        CheckpointQuantizer.Run(Source, Target, options with { Seed = difference == "seed" ? 5u : 4u }, calibrated: second);
        Assert.Equal(["begin", "quantize 0", "quantize 1"], second.Calls);
        Assert.False(Directory.Exists(Partial));
    }

    [Fact]
    public void AFailureKeepsNothing()
    {
        var failing = new Recorder { Fails = true };
        Assert.Throws<InvalidOperationException>(() => CheckpointQuantizer.Run(Source, Target, new QuantizationConfig(), calibrated: failing));
        Assert.False(Directory.Exists(Partial));
    }

    private void CancelAfterOneLayer(QuantizationConfig options, ILayerQuantizer? quantizer)
    {
        using var source = new CancellationTokenSource();
        var progress = new Canceller(source);
        Assert.ThrowsAny<OperationCanceledException>(() => CheckpointQuantizer.Run(
            Source, Target, options, progress: progress, cancellation: source.Token, calibrated: quantizer));
        Assert.False(Directory.Exists(Target));
        Assert.True(File.Exists(Path.Combine(Partial, "model-layer-00000.safetensors")));
    }

    private static string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private sealed class Canceller(CancellationTokenSource source) : IProgress<QuantizeProgress>
    {
        public void Report(QuantizeProgress value) => source.Cancel();
    }

    /// <summary>Rounds to nearest and notes what it was asked.</summary>
    private sealed class Recorder : ILayerQuantizer
    {
        private ModelRotation? _rotation;

        public string Fingerprint { get; init; } = "a text";

        public bool Fails { get; init; }

        public List<string> Calls { get; } = [];

        public bool NormBias(QuantizationConfig options) => false;

        public LinearWeights MatchHead(HeadWeights head, CancellationToken cancellation) => head.LmHead;

        public void Begin(ICheckpoint source, QuantizationConfig options, ModelRotation? rotation, CancellationToken cancellation)
        {
            Calls.Add("begin");
            _rotation = rotation;
        }

        public QuantizedLayer Quantize(int layer, LayerWeights source, CancellationToken cancellation)
        {
            Calls.Add($"quantize {layer}");
            return layer == 1 && Fails
                ? throw new InvalidOperationException("stop")
                : new QuantizedLayer(
                    _rotation!.RotateLayer(source, w => Checkpoints.Quantization.WeightQuantizer.Quantize(w, 4, 0, clipSearch: true), cancellation),
                    [0.5f + (0.1f * layer), 0.7f, 0.8f, 0.9f]);
        }

        public void Skip(int layer, LayerWeights source, QuantizedLayer quantized, CancellationToken cancellation)
        {
            Calls.Add($"skip {layer}");
            Assert.Equal([0.5f + (0.1f * layer), 0.7f, 0.8f, 0.9f], quantized.ActivationClips!);
            LayerWeights expected = Quantize(layer, source, cancellation).Weights;
            Calls.RemoveAt(Calls.Count - 1);
            Assert.Equal(expected.Down.Data.ToArray(), quantized.Weights.Down.Data.ToArray());
            Assert.Equal(expected.Q.Scales, quantized.Weights.Q.Scales);
        }
    }
}
