using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.Quantization.Gptq;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization.Gptq;

public sealed class GptqQuantizerTests
{
    private const int Width = 64;

    // Fewer rows than the 32 lanes of a block, and more.
    [Theory]
    [InlineData(3, 4, false)]
    [InlineData(40, 4, true)]
    [InlineData(40, 3, false)]
    [InlineData(5, 8, false)]
    public void TheCodesAreThoseOfTheTextbook(int rows, int bits, bool order)
    {
        LinearWeights weights = TestWeights.Random("w", rows, Width, 1);
        double[] h = Hessian(2);
        LinearWeights actual = GptqQuantizer.Quantize(weights, h, new GptqOptions { Bits = bits, ClipSearch = false, OrderByActivation = order });
        sbyte[] expected = Textbook(weights, h, bits, order);
        int different = 0;
        var codes = new sbyte[Width];
        for (int row = 0; row < rows; row++)
        {
            WeightQuantizer.ReadCodes(actual, row, codes);
            different += codes.Zip(expected.AsSpan(row * Width, Width).ToArray()).Count(pair => pair.First != pair.Second);
        }

        // Single against double precision: a target within 1e-6 of a half may fall to either side, and what follows in its row with it.
        Assert.InRange(different, 0, rows * Width / 500);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void WithoutCorrelationItIsRoundingToNearest(int group)
    {
        LinearWeights weights = TestWeights.Random("w", 35, Width, 3);
        var identity = new double[Width * Width];
        for (int i = 0; i < Width; i++)
        {
            identity[(i * Width) + i] = 2;
        }

        LinearWeights actual = GptqQuantizer.Quantize(weights, identity, new GptqOptions { Bits = 4, GroupSize = group });
        LinearWeights expected = WeightQuantizer.Quantize(weights, 4, group, clipSearch: true);
        Assert.Equal(expected.Scales, actual.Scales);
        Assert.Equal(expected.Data.ToArray(), actual.Data.ToArray());
        Assert.Equal((WeightFormat.Int4, group), (actual.Format, actual.GroupSize));
    }

    [Theory]
    [InlineData(3, 0, false)]
    [InlineData(4, 0, false)]
    [InlineData(4, 0, true)]
    [InlineData(4, 16, false)]
    [InlineData(4, 16, true)]
    [InlineData(6, 0, false)]
    public void TheOutputErrorIsWellBelowThatOfRounding(int bits, int group, bool order)
    {
        LinearWeights weights = TestWeights.Random("w", 40, Width, 4);
        double[] h = Hessian(5);
        float[] w = TestWeights.Floats(weights);
        double Error(LinearWeights quantized) => NaiveMatrix.Error(w, WeightQuantizer.Dequantize(quantized), h, Width);
        var options = new GptqOptions { Bits = bits, GroupSize = group, OrderByActivation = order };
        double rounded = Error(WeightQuantizer.Quantize(weights, bits, group, clipSearch: true));
        double gptq = Error(GptqQuantizer.Quantize(weights, h, options));
        Assert.True(gptq < 0.6 * rounded, $"{gptq} is not below 0.6 of {rounded}");
        double refined = Error(GptqQuantizer.Quantize(weights, h, options with { RefinementPasses = 3 }));
        Assert.True(refined < gptq, $"{refined} is not below {gptq}");
    }

    [Fact]
    public void DeadChannelsAreRoundedToNearest()
    {
        LinearWeights weights = TestWeights.Random("w", 6, Width, 6);
        double[] h = Hessian(7);
        for (int i = 0; i < Width; i++)
        {
            (h[(5 * Width) + i], h[(i * Width) + 5]) = (0, 0);
        }

        LinearWeights actual = GptqQuantizer.Quantize(weights, h, new GptqOptions { Bits = 4, ClipSearch = false });
        LinearWeights rounded = WeightQuantizer.Quantize(weights, 4, 0, clipSearch: false);
        var (a, r) = (new sbyte[Width], new sbyte[Width]);
        for (int row = 0; row < 6; row++)
        {
            WeightQuantizer.ReadCodes(actual, row, a);
            WeightQuantizer.ReadCodes(rounded, row, r);
            Assert.Equal(r[5], a[5]);
        }
    }

    [Fact]
    public void FewerInputsThanChannelsAreDamped()
    {
        float[] x = NaiveMatrix.CorrelatedRows(3, Width, 8);
        LinearWeights weights = TestWeights.Random("w", 6, Width, 9);
        LinearWeights actual = GptqQuantizer.Quantize(weights, NaiveMatrix.Moments(x, Width, x, Width), new GptqOptions { Bits = 4 });
        Assert.All(actual.Scales, scale => Assert.True(float.IsFinite(scale) && scale > 0));
    }

    [Fact]
    public void BadInputIsNamed()
    {
        LinearWeights weights = TestWeights.Random("model.layers.3.mlp.up_proj.weight", 6, Width, 10);
        var options = new GptqOptions { Bits = 4 };
        string Fault(double[] h, LinearWeights? w = null) =>
            Assert.Throws<InvalidDataException>(() => GptqQuantizer.Quantize(w ?? weights, h, options)).Message;

        double[] h = Hessian(11);
        h[0] = double.NaN;
        Assert.Equal("model.layers.3.mlp.up_proj.weight: its calibration inputs are not finite", Fault(h));
        Assert.Equal(
            "model.layers.3.mlp.up_proj.weight: the Hessian of its calibration inputs is singular: they are all zero",
            Fault(new double[Width * Width]));
        h = Hessian(11);
        h[1] = h[Width] = 1e9;
        Assert.Equal(
            "model.layers.3.mlp.up_proj.weight: the Hessian of its calibration inputs is singular: damping it by up to 10 did not help",
            Fault(h));
        float[] values = TestWeights.Floats(weights);
        values[(4 * Width) + 1] = float.PositiveInfinity;
        Assert.Equal("w: row 4 holds a weight that is not finite", Fault(Hessian(11), TestWeights.FromFloats("w", 6, Width, values)));
        Assert.Equal(
            "model.layers.3.mlp.up_proj.weight: 64 input features, a Hessian of 9 elements",
            Assert.Throws<ArgumentException>(() => GptqQuantizer.Quantize(weights, new double[9], options)).Message);
    }

    private static double[] Hessian(int seed)
    {
        float[] x = NaiveMatrix.CorrelatedRows(4 * Width, Width, seed);
        return NaiveMatrix.Moments(x, Width, x, Width);
    }

    /// <summary>GPTQ as its paper states it: with U of H⁻¹ = Uᵀ·U, each error, divided by U_jj, times row j of U, moves what follows.</summary>
    private static sbyte[] Textbook(LinearWeights weights, double[] h, int bits, bool byActivation)
    {
        int n = weights.InFeatures, rows = weights.OutFeatures, highest = (1 << (bits - 1)) - 1;
        int[] order = byActivation ? [.. Enumerable.Range(0, n).OrderByDescending(i => h[(i * n) + i])] : [.. Enumerable.Range(0, n)];
        double damping = 0.01 * Enumerable.Range(0, n).Average(i => h[(i * n) + i]);
        var damped = new double[n * n];
        for (int i = 0; i < n * n; i++)
        {
            damped[i] = h[(order[i / n] * n) + order[i % n]] + (i / n == i % n ? damping : 0);
        }

        double[] u = UpperCholesky(NaiveMatrix.Inverse(damped, n), n);
        float[] w = TestWeights.Floats(weights);
        float[] scales = WeightQuantizer.Quantize(weights, bits, 0, clipSearch: false).Scales;
        var codes = new sbyte[w.Length];
        for (int r = 0; r < rows; r++)
        {
            double[] row = [.. order.Select(column => (double)w[(r * n) + column])];
            for (int j = 0; j < n; j++)
            {
                double code = Math.Clamp(Math.Round(row[j] / scales[r]), -highest - 1, highest);
                codes[(r * n) + order[j]] = (sbyte)code;
                double error = (row[j] - (code * scales[r])) / u[(j * n) + j];
                for (int k = j; k < n; k++)
                {
                    row[k] -= error * u[(j * n) + k];
                }
            }
        }

        return codes;
    }

    private static double[] UpperCholesky(double[] m, int n)
    {
        var u = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = i; j < n; j++)
            {
                double sum = m[(i * n) + j] - Enumerable.Range(0, i).Sum(k => u[(k * n) + i] * u[(k * n) + j]);
                u[(i * n) + j] = i == j ? Math.Sqrt(sum) : sum / u[(i * n) + i];
            }
        }

        return u;
    }
}
