using QuaRot.Checkpoints;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Synthesis;
using QuaRot.Checkpoints.Tests.Rotation;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Reference;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Every architecture through the engine, from its Hugging Face folder to logits, against a forward pass in plain loops.</summary>
public sealed class ArchitectureTests : IDisposable
{
    private static readonly int[] Tokens = [0, 2, 77, 299, 5, 5, 140, 31, 260, 3, 18, 92, 201];

    private readonly string _folder = Directory.CreateTempSubdirectory("quarot-").FullName;
    private readonly CpuBackend _backend = CpuBackend.Create(threads: 2);

    public static TheoryData<string> Names => [.. TinyModels.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Engine_gives_the_logits_of_the_plain_loops(string name)
    {
        using var source = Checkpoint.Open(Synthesize(name));
        var expected = new NaiveLlama(source).Forward(Tokens);

        // Float32 sums of up to 344 products over two layers, in units of the largest logit.
        Assert.InRange(Distance(expected, Run(_backend, source)), 0, 1e-5);
        using var reference = new ReferenceBackend();
        Assert.InRange(Distance(expected, Run(reference, source)), 0, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Rotation_changes_nothing(string name)
    {
        using var source = Checkpoint.Open(Synthesize(name));
        var expected = new NaiveLlama(source).Forward(Tokens);
        using var rotated = new RotatedCheckpoint(source, seed: 5);
        using var floats = new ReconfiguredCheckpoint(rotated, q => q with { KeyBits = 32, ValueBits = 32 });

        // The transforms of activations in float32 come on top.
        Assert.InRange(Distance(expected, Run(_backend, floats)), 0, 2e-5);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_checkpoint_of_16_bits_is_the_model(string name)
    {
        var folder = Synthesize(name);
        using var source = Checkpoint.Open(folder);
        using var rotated = Quantize(folder, new QuantizationConfig { WeightBits = 16, ActivationBits = 16, KeyBits = 16, ValueBits = 16 });

        // Weights, keys and values are rounded to FP16: 2^-12 of each, hundreds of them adding up at random.
        Assert.InRange(Distance(new NaiveLlama(source).Forward(Tokens), Run(_backend, rotated)), 1e-6, 3e-3);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Four_bits_in_one_stage_or_two_on_either_backend_are_the_same_bits(string name)
    {
        using var quantized = Quantize(Synthesize(name), new QuantizationConfig { Seed = 9 });
        var whole = Run(_backend, quantized);
        using var reference = new ReferenceBackend();
        RequireSame(whole, Run(reference, quantized));
        using var first = ModelStage.Load(quantized, new LayerRange(0, 1), _backend, pageCount: 1);
        using var second = ModelStage.Load(quantized, new LayerRange(1, 2), _backend, pageCount: 1);
        RequireSame(whole, Sequences.Forward([first, second], Sequences.Single(Tokens, 0, [0])));
    }

    /// <summary>Not the quality of four bits on random weights, but that the parts fit: eight bits come close to the model.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Eight_bits_come_close(string name)
    {
        var folder = Synthesize(name);
        using var source = Checkpoint.Open(folder);
        using var quantized = Quantize(folder, new QuantizationConfig
        {
            WeightBits = 8,
            ActivationBits = 8,
            KeyBits = 8,
            ValueBits = 8,
            ActivationClip = 1,
            KvClip = 1,
        });

        // A step of 8 bits is 1/127 of the largest of a row, about 1/40 of its deviation: errors near 1 % of it in each of 14 layers.
        Assert.InRange(Distance(new NaiveLlama(source).Forward(Tokens), Run(_backend, quantized)), 1e-4, 0.08);
    }

    public void Dispose()
    {
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Synthesize(string name)
    {
        var folder = Path.Combine(_folder, "source");
        SyntheticCheckpoint.Write(folder, TinyModels.All[name], seed: 7);
        return folder;
    }

    private ICheckpoint Quantize(string source, QuantizationConfig options)
    {
        var folder = Path.Combine(_folder, "quantized");
        CheckpointQuantizer.Run(source, folder, options);
        return Checkpoint.Open(folder);
    }

    private static float[][] Run(Backend backend, ICheckpoint checkpoint)
    {
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pageCount: 1);
        return Sequences.Forward([stage], Sequences.Single(Tokens, 0, [0]));
    }

    private static void RequireSame(float[][] expected, float[][] actual) => Assert.Equal(
        expected.SelectMany(row => row).Select(BitConverter.SingleToInt32Bits),
        actual.SelectMany(row => row).Select(BitConverter.SingleToInt32Bits));

    /// <summary>Largest difference in units of the largest logit.</summary>
    private static double Distance(double[][] expected, float[][] actual) =>
        expected.Zip(actual, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max() / expected.Max(row => row.Max(Math.Abs));
}
