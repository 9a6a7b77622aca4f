using QuaRot.Checkpoints.QuaRot;
using Xunit;

namespace QuaRot.Checkpoints.Tests.QuaRot;

public sealed class CheckpointQuantizerFailureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Source => _folder.File("source");

    private string Target => _folder.File("target");

    private string Partial => _folder.File(".target.partial");

    public CheckpointQuantizerFailureTests() => QuaRotTestModel.Save(Source);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void CancellationBeforeTheFirstLayerLeavesNothing()
    {
        Assert.ThrowsAny<OperationCanceledException>(
            () => CheckpointQuantizer.Run(Source, Target, new QuantizationConfig(), cancellation: new CancellationToken(canceled: true)));
        Assert.Equal(["source"], Entries());
    }

    [Fact]
    public void FailureInTheMiddleLeavesNothing()
    {
        var progress = new CallOnReport(p => throw new InvalidOperationException("stop"));
        Assert.Throws<InvalidOperationException>(
            () => CheckpointQuantizer.Run(Source, Target, new QuantizationConfig(), progress: progress));
        Assert.Equal(["source"], Entries());
    }

    [Fact]
    public void FailedOverwriteKeepsTheOldCheckpoint()
    {
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig { Seed = 1 });
        byte[] before = File.ReadAllBytes(Path.Combine(Target, "config.json"));
        var progress = new CallOnReport(p => throw new InvalidOperationException("stop"));
        Assert.Throws<InvalidOperationException>(
            () => CheckpointQuantizer.Run(Source, Target, new QuantizationConfig { Seed = 2 }, overwrite: true, progress));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(Target, "config.json")));
        Assert.Equal(["source", "target"], Entries());
    }

    [Fact]
    public void ExistingDestinationNeedsOverwrite()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "old.txt"), "old");
        Assert.Equal($"{Target}: exists already; choose another destination or overwrite it (--force)", Message(new QuantizationConfig()));
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig(), overwrite: true);
        Assert.False(File.Exists(Path.Combine(Target, "old.txt")));
        Assert.True(File.Exists(Path.Combine(Target, "config.json")));
        Assert.Equal(["source", "target"], Entries());
    }

    [Fact]
    public void WhatAKilledRunLeftIsRemoved()
    {
        Directory.CreateDirectory(Partial);
        File.WriteAllText(Path.Combine(Partial, "model-layer-00099.safetensors"), "half");
        File.WriteAllText(Path.Combine(Partial, ".lock"), "");
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig());
        Assert.Equal(["source", "target"], Entries());
        Assert.False(File.Exists(Path.Combine(Target, "model-layer-00099.safetensors")));
        Assert.False(File.Exists(Path.Combine(Target, ".lock")));
    }

    [Fact]
    public void ASecondRunToTheSamePlaceIsRefused()
    {
        string message = "";
        var progress = new CallOnReport(p => message = p.Finished ? message : Message(new QuantizationConfig()));
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig(), progress: progress);
        Assert.Equal($"{Target}: another run is writing this checkpoint", message);
        Assert.Equal(["source", "target"], Entries());
    }

    [Fact]
    public void TheSourceIsNeverReplaced()
    {
        Assert.Equal($"{Source}: is the source folder or holds it", MessageTo(Source));
        Assert.Equal($"{_folder.Path}: is the source folder or holds it", MessageTo(_folder.Path));
        Assert.Equal($"{Source}/config.json: is a file; the destination must be a folder", MessageTo(Source + "/config.json"));
    }

    [Fact]
    public void QuantizedSourceIsRefused()
    {
        CheckpointQuantizer.Run(Source, Target, new QuantizationConfig());
        string message = Assert.Throws<CheckpointException>(
            () => CheckpointQuantizer.Run(Target, _folder.File("twice"), new QuantizationConfig())).Message;
        Assert.StartsWith($"{Path.Combine(Target, "config.json")}: quantization_config is present", message);
    }

    [Fact]
    public void OptionsThatDoNotSuitTheModelAreNamed()
    {
        Assert.Equal(
            $"{Source}: self_attn.q_proj: group size 64 must be 0 or an even divisor of its 32 input features",
            Message(new QuantizationConfig { GroupSize = 64 }));
        Assert.Equal(
            $"{Source}: mlp.down_proj: group size 32 must be 0 or an even divisor of its 48 input features",
            Message(new QuantizationConfig { GroupSize = 32 }));
        File.WriteAllText(Path.Combine(Source, "config.json"), QuaRotTestModel.Config.Replace(
            "\"intermediate_size\": 48", "\"intermediate_size\": 50", StringComparison.Ordinal));
        Assert.StartsWith(
            $"{Source}: the model cannot be rotated: there is no Hadamard matrix for intermediate_size = 50;",
            Message(new QuantizationConfig()));
        Assert.Equal(["source"], Entries());
    }

    [Fact]
    public void OptionsOutOfRangeAreNamed()
    {
        Assert.Equal("weight bits must be one of 3, 4, 5, 6, 7, 8, 16, not 9", OptionMessage(new QuantizationConfig { WeightBits = 9 }));
        Assert.Equal("activation bits must be one of 3, 4, 5, 6, 7, 8, 16, not 0", OptionMessage(new QuantizationConfig { ActivationBits = 0 }));
        Assert.Equal("key bits must be one of 3, 4, 5, 6, 7, 8, 16, not 2", OptionMessage(new QuantizationConfig { KeyBits = 2 }));
        Assert.Equal("value bits must be one of 3, 4, 5, 6, 7, 8, 16, not 32", OptionMessage(new QuantizationConfig { ValueBits = 32 }));
        Assert.Equal("activation clip must be above 0 and at most 1, not 0", OptionMessage(new QuantizationConfig { ActivationClip = 0 }));
        Assert.Equal("KV clip must be above 0 and at most 1, not NaN", OptionMessage(new QuantizationConfig { KvClip = float.NaN }));
    }

    [Fact]
    public void WeightsTooLargeForHalfPrecisionAreNamed()
    {
        QuaRotTestModel.Save(Source, change: (name, values) =>
        {
            if (name == "model.layers.1.mlp.up_proj.weight")
            {
                values[37] = 70000;
            }
        });
        Assert.Equal(
            $"{Source}: model.layers.1.mlp.up_proj.weight: 70000 at row 1, column 5 does not fit FP16 (largest is 65504)",
            Message(new QuantizationConfig { WeightBits = 16, Rotate = false }));
        Assert.Equal(["source"], Entries());
    }

    private string[] Entries() =>
        [.. Directory.GetFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];

    private string Message(QuantizationConfig options) =>
        Assert.Throws<CheckpointException>(() => CheckpointQuantizer.Run(Source, Target, options)).Message;

    private string MessageTo(string target) => Assert.Throws<CheckpointException>(
        () => CheckpointQuantizer.Run(Source, target, new QuantizationConfig(), overwrite: true)).Message;

    private string OptionMessage(QuantizationConfig options) =>
        Assert.Throws<ArgumentException>(() => CheckpointQuantizer.Run(Source, Target, options)).Message;

    private sealed class CallOnReport(Action<QuantizeProgress> call) : IProgress<QuantizeProgress>
    {
        public void Report(QuantizeProgress value) => call(value);
    }
}
