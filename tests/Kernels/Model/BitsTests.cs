using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Synthesis;
using QuaRot.Checkpoints.Tests.Rotation;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Reference;
using QuaRot.Kernels.Tests.Ops;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Every number of bits of weights, activations, keys and values, with every group size, from a folder to logits.</summary>
public sealed class BitsTests : IDisposable
{
    private static readonly int[] Tokens = [0, 2, 77, 299, 5, 140];

    /// <summary>One layer, all of whose inputs are multiples of 256.</summary>
    private static readonly ModelShape Shape = new("bits", "F32", TinyModels.All["llama-2"].Config with
    {
        HiddenSize = 256,
        IntermediateSize = 512,
        NumHeads = 4,
        NumKvHeads = 2,
        HeadDim = 64,
        NumLayers = 1,
    });

    private readonly string _folder = Directory.CreateTempSubdirectory("quarot-").FullName;

    public BitsTests() => SyntheticCheckpoint.Write(Source, Shape, seed: 3);

    public static TheoryData<Candidate> Candidates => BackendAgreementTests.Best;

    private string Source => Path.Combine(_folder, "source");

    /// <summary>All pairs of weight and activation bits; keys and values go through all of their pairs beside them.</summary>
    [Theory]
    [MemberData(nameof(Candidates))]
    public void All_bits_and_groups_give_the_bits_of_the_plain_loops(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        var all = IntegerRange.SupportedBits;
        foreach (var group in (int[])[0, 64, 128, 256])
        {
            for (var i = 0; i < all.Count * all.Count; i++)
            {
                var (w, a) = Math.DivRem(i, all.Count);
                var options = new QuantizationConfig
                {
                    WeightBits = all[w],
                    ActivationBits = all[a],
                    KeyBits = all[(w + a) % all.Count],
                    ValueBits = all[(w + (2 * a)) % all.Count],
                    GroupSize = group,
                    ActivationGroupSize = i % 4 == 1 ? group : 0,
                    Rotate = i % 3 != 0,
                    WeightClipSearch = false,
                };
                using var model = Quantize(options);
                pair.RequireSameBits(backend => Run(backend, model), options.ToString());
            }
        }
    }

    /// <summary>A part that took other bits than it was told would stand out: each bit more halves the step, and so about the error.</summary>
    [Theory]
    [InlineData("weights")]
    [InlineData("activations")]
    [InlineData("keys")]
    [InlineData("values")]
    public void Each_bit_more_brings_the_logits_closer_to_the_model(string part)
    {
        using var source = Checkpoint.Open(Source);
        var expected = new NaiveLlama(source).Forward(Tokens).SelectMany(row => row).ToArray();
        using var backend = new ReferenceBackend();
        var last = double.PositiveInfinity;
        foreach (var bits in IntegerRange.SupportedBits)
        {
            var wide = new QuantizationConfig { WeightBits = 16, ActivationBits = 16, KeyBits = 16, ValueBits = 16, ActivationClip = 1, KvClip = 1 };
            using var model = Quantize(part switch
            {
                "weights" => wide with { WeightBits = bits },
                "activations" => wide with { ActivationBits = bits },
                "keys" => wide with { KeyBits = bits },
                _ => wide with { ValueBits = bits },
            });
            var error = expected.Zip(Run(backend, model), (x, y) => (x - y) * (x - y)).Sum();

            // A step half as wide has a quarter of the squared error; 0.6 leaves room for chance.
            Assert.True(error < 0.6 * last, $"{bits} bits: squared error {error}, one less {last}");
            last = error;
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ICheckpoint Quantize(QuantizationConfig options)
    {
        var folder = Path.Combine(_folder, "quantized");
        CheckpointQuantizer.Run(Source, folder, options, overwrite: true);
        return Checkpoint.Open(folder);
    }

    private static float[] Run(Backend backend, ICheckpoint checkpoint)
    {
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, 1), backend, pageCount: 1);
        return [.. Sequences.Forward([stage], Sequences.Single(Tokens, 0, [0])).SelectMany(row => row)];
    }
}
