using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Tests.Ops;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>The whole demo model: the fast backends give the reference's logits and KV bytes bit for bit.</summary>
public class BackendAgreementTests
{
    private static readonly int[] Prompt = Lexi.Text[..20];

    public static TheoryData<Candidate> Candidates => BackendPair.Candidates;

    /// <summary>The widest CPU kernels, and the GPU.</summary>
    public static TheoryData<Candidate> Best =>
        BackendPair.Rows(
            [new[] { Candidate.Cpu512, Candidate.Cpu256, Candidate.Cpu128 }.First(c => CpuBackend.Supports(BackendPair.WidthOf(c))), Candidate.Gpu]);

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Quantized_and_rotated(Candidate candidate) => RequireAgreement(() => Lexi.Quantized(new QuantizationConfig()), candidate);

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Calibrated_to_inputs_without_a_mean(Candidate candidate) =>
        RequireAgreement(() => new CentredCheckpoint(Lexi.Quantized(new QuantizationConfig())), candidate);

    [Theory]
    [MemberData(nameof(Best))]
    public void Groups_and_other_bits_without_rotation(Candidate candidate) => RequireAgreement(
        () => Lexi.Quantized(new QuantizationConfig
        {
            WeightBits = 6,
            GroupSize = 128,
            ActivationBits = 8,
            KeyBits = 3,
            ValueBits = 6,
            Rotate = false,
        }), candidate);

    [Theory]
    [MemberData(nameof(Best))]
    public void Float_activations_on_quantized_weights(Candidate candidate) => RequireAgreement(
        () => Lexi.Quantized(new QuantizationConfig { GroupSize = 64, ActivationBits = 16, KeyBits = 16, ValueBits = 16 }), candidate);

    [Theory]
    [MemberData(nameof(Best))]
    public void Unquantized(Candidate candidate) => RequireAgreement(Lexi.Plain, candidate);

    private static void RequireAgreement(Func<ICheckpoint> open, Candidate candidate)
    {
        using var pair = new BackendPair(candidate, threads: 3);
        using var checkpoint = new TruncatedCheckpoint(open(), layers: 2);
        var expected = Run(pair.Reference, checkpoint);
        var actual = Run(pair.Fast, checkpoint);
        Assert.Equal(expected.KvBytes, actual.KvBytes);
        Assert.Equal(expected.Logits.Select(BitConverter.SingleToInt32Bits), actual.Logits.Select(BitConverter.SingleToInt32Bits));
    }

    private static (float[] Logits, byte[] KvBytes) Run(Backend backend, ICheckpoint checkpoint)
    {
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pageCount: 2);
        stage.Cache.Fill(0xFF);
        var logits = Sequences.Forward([stage], Sequences.Single(Prompt, 0, [1]) with { OutputRows = [0, Prompt.Length - 1] });
        var bytes = Enumerable.Range(0, 2).SelectMany(layer =>
            Enumerable.Range(0, Prompt.Length).SelectMany(slot => stage.CopyKvBytes(layer, 1, slot)));
        return ([.. logits.SelectMany(row => row)], [.. bytes]);
    }
}
