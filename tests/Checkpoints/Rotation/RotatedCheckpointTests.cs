using QuaRot.Checkpoints.Hadamard;
using QuaRot.Checkpoints.Rotation;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Rotation;

public class RotatedCheckpointTests
{
    private static readonly int[] Tokens = [3, 17, 0, 5, 5, 11];

    /// <summary>
    /// hidden, intermediate, heads, KV heads, head_dim. 6 heads have no Hadamard matrix; 12 and 20 have an unsymmetric one.
    /// </summary>
    public static TheoryData<int, int, int, int, int> Shapes => new()
    {
        { 32, 40, 8, 8, 4 },
        { 32, 56, 8, 4, 4 },
        { 20, 12, 8, 2, 8 },
        { 24, 40, 6, 3, 4 },
        { 48, 80, 12, 4, 4 },
        { 16, 16, 1, 1, 12 },
        { 40, 44, 20, 20, 2 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void RotationDoesNotChangeTheFunction(int hidden, int intermediate, int heads, int kvHeads, int headDim)
    {
        using var model = new RandomModel(hidden, intermediate, heads, kvHeads, headDim, seed: 11);
        using var rotated = new RotatedCheckpoint(model, seed: 42);
        Assert.Equal(heads == 6 ? HeadMixing.WholeInput : HeadMixing.AcrossHeads, RotationPlan.For(model.Config).HeadMixing);

        double[][] expected = new NaiveLlama(model).Forward(Tokens);

        // Weights are rounded to singles twice at most (2^-24 each); a factor of 100 for two layers' worth of conditioning.
        Assert.InRange(Distance(expected, new NaiveLlama(rotated).Forward(Tokens)), 0, 1e-5);
        if (heads > 1)
        {
            Assert.InRange(Distance(expected, new NaiveLlama(rotated) { SkipHeadMixing = true }.Forward(Tokens)), 1e-2, 100);
        }

        Assert.InRange(Distance(expected, new NaiveLlama(rotated) { SkipDownTransform = true }.Forward(Tokens)), 1e-2, 100);
        Assert.InRange(Distance(expected, new NaiveLlama(rotated) { SkipQueryTransform = true }.Forward(Tokens)), 0, 1e-5);
    }

    public static TheoryData<int> Orders => [.. HadamardSize.Bases.Where(m => m > 1)];

    /// <summary>Residual stream, heads and down_proj's input are all of a size whose matrix is that of order m, the last one doubled.</summary>
    [Theory]
    [MemberData(nameof(Orders))]
    public void RotationOfEveryOrderDoesNotChangeTheFunction(int m)
    {
        var shape = new RandomModel(hidden: m, intermediate: 2 * m, heads: m, kvHeads: m / 4, headDim: 2, seed: m);
        using var model = new RandomModel(m, 2 * m, m, m / 4, 2, seed: m) { Config = shape.Config with { NumLayers = 1 } };
        using var rotated = new RotatedCheckpoint(model, seed: 1);
        Assert.Equal(m, HadamardSize.Factor(2 * m).M);
        int[] tokens = Tokens[..3];
        Assert.InRange(Distance(new NaiveLlama(model).Forward(tokens), new NaiveLlama(rotated).Forward(tokens)), 0, 1e-5);
    }

    [Theory]
    [InlineData(RopeScalingKind.Linear, true)]
    [InlineData(RopeScalingKind.Llama3, false)]
    public void RotationKnowsNothingOfPositionsAndUntiesTheHead(RopeScalingKind kind, bool tied)
    {
        var scaling = new RopeScaling { Kind = kind, Factor = 4, LowFreqFactor = 1, HighFreqFactor = 2, OriginalMaxPositions = 40 };
        var plain = new RandomModel(32, 56, 8, 2, 16, seed: 12);
        using var model = new RandomModel(32, 56, 8, 2, 16, seed: 12)
        {
            Config = plain.Config with { RopeScaling = scaling, TieWordEmbeddings = tied },
        };
        using var rotated = new RotatedCheckpoint(model, seed: 42);
        double[][] expected = new NaiveLlama(model).Forward(Tokens);
        Assert.InRange(Distance(expected, new NaiveLlama(rotated).Forward(Tokens)), 0, 1e-5);
        Assert.InRange(Distance(expected, new NaiveLlama(plain).Forward(Tokens)), 1e-4, 100);
    }

    [Fact]
    public void TheConfigSaysWhatTheEngineMustDo()
    {
        using var rotated = new RotatedCheckpoint(new RandomModel(16, 16, 4, 2, 4, seed: 1), seed: 7);
        Assert.False(rotated.Config.TieWordEmbeddings);
        QuantizationConfig quantization = rotated.Config.Quantization!;
        Assert.True(quantization.Rotate);
        Assert.Equal(7UL, quantization.Seed);
        Assert.Equal((16, 16, 16, 16),
            (quantization.WeightBits, quantization.ActivationBits, quantization.KeyBits, quantization.ValueBits));
        LayerWeights layer = rotated.ReadLayer(0);
        Assert.Null(layer.InputNorm);
        Assert.Null(layer.PostAttentionNorm);
        Assert.Null(rotated.ReadHead().FinalNorm);
    }

    [Fact]
    public void TheSeedDecidesTheBytes()
    {
        byte[] Down(ulong seed) => new RotatedCheckpoint(new RandomModel(16, 24, 4, 2, 4, seed: 1), seed).ReadLayer(1).Down.Data.ToArray();
        Assert.Equal(Down(5), Down(5));
        Assert.NotEqual(Down(5), Down(6));
    }

    [Fact]
    public void SizesWithoutHadamardMatrixAreNamed()
    {
        const string Start = "the model cannot be rotated: there is no Hadamard matrix for ";
        Assert.StartsWith(Start + "hidden_size = 18; supported are m·2^k with m in {1, 12,", Refusal(18, 16, 4, 4));
        Assert.StartsWith(Start + "intermediate_size = 100;", Refusal(16, 100, 4, 4));
        Assert.StartsWith(Start + "head_dim = 6;", Refusal(16, 16, 4, 6));
        Assert.StartsWith(Start + "num_attention_heads (17, which has none itself) times head_dim = 68;", Refusal(16, 16, 17, 4));
    }

    [Fact]
    public void QuantizedSourceIsRefused()
    {
        var source = new RandomModel(16, 16, 4, 2, 4, seed: 1);
        var quantized = new RandomModel(16, 16, 4, 2, 4, seed: 1)
        {
            Config = source.Config with { Quantization = new QuantizationConfig() },
        };
        var error = Assert.Throws<ArgumentException>(() => new RotatedCheckpoint(quantized, 1));
        Assert.StartsWith("the source is a QuaRot checkpoint already", error.Message);
    }

    private static string Refusal(int hidden, int intermediate, int heads, int headDim) => Assert.Throws<ArgumentException>(
        () => new RotatedCheckpoint(new RandomModel(hidden, intermediate, heads, heads, headDim, seed: 1), seed: 1)).Message;

    /// <summary>Largest difference in units of the largest logit.</summary>
    private static double Distance(double[][] expected, double[][] actual)
    {
        double largest = expected.Max(row => row.Max(Math.Abs));
        return expected.Zip(actual, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max() / largest;
    }
}
