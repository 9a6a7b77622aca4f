using QuaRot.Checkpoints.Quantization;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization;

public class WeightQuantizerTests
{
    [Theory]
    [InlineData(3, 0, 33)]
    [InlineData(4, 0, 7)]
    [InlineData(4, 64, 5)]
    [InlineData(4, 6, 3)]
    [InlineData(6, 128, 4)]
    [InlineData(8, 0, 9)]
    public void WithoutSearchEqualsThePlainLoop(int bits, int group, int rows)
    {
        int columns = group == 6 ? 18 : 384;
        LinearWeights weights = TestWeights.Random("w", rows, columns, seed: (bits * 100) + group);
        LinearWeights result = WeightQuantizer.Quantize(weights, bits, group, clipSearch: false);
        float[] source = TestWeights.Floats(weights);
        int size = group == 0 ? columns : group;
        int highest = (1 << (bits - 1)) - 1;
        for (int row = 0; row < rows; row++)
        {
            sbyte[] codes = Codes(result, row);
            for (int g = 0; g < columns / size; g++)
            {
                float[] values = source[((row * columns) + (g * size))..((row * columns) + ((g + 1) * size))];
                float scale = values.Max(Math.Abs) / highest;
                Assert.Equal(scale, result.Scales[(row * columns / size) + g]);
                for (int k = 0; k < size; k++)
                {
                    double code = Math.Clamp(Math.Round((double)(values[k] / scale), MidpointRounding.ToEven), -highest - 1, highest);
                    Assert.Equal(code, codes[(g * size) + k]);
                }
            }
        }
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(4, 128)]
    [InlineData(4, 10)]
    [InlineData(6, 64)]
    public void SearchFindsTheBestOfTheEightyClips(int bits, int group)
    {
        int columns = group == 10 ? 70 : 640;
        int size = group == 0 ? columns : group;
        LinearWeights weights = TestWeights.Random("w", 6, columns, seed: 77 + bits + group);
        LinearWeights result = WeightQuantizer.Quantize(weights, bits, group, clipSearch: true);
        float[] source = TestWeights.Floats(weights);
        bool clipped = false;
        for (int i = 0; i < result.Scales.Length; i++)
        {
            float[] values = source[(i * size)..((i + 1) * size)];
            float[] candidates = Candidates(values.Max(Math.Abs), bits);
            double best = candidates.Min(scale => Loss(values, scale, bits));
            Assert.Contains(result.Scales[i], candidates);

            // The search sums in single precision with a power that is off by 1e-5 at most.
            Assert.InRange(Loss(values, result.Scales[i], bits), best, best * (1 + 5e-5));
            clipped |= result.Scales[i] < candidates[0];
        }

        Assert.True(clipped, "no row was clipped: the search did nothing");
    }

    [Fact]
    public void HalvesGoToTheEvenCode()
    {
        // The largest weight 7 makes the scale exactly 1.
        LinearWeights result = WeightQuantizer.Quantize(
            TestWeights.FromFloats("w", 1, 8, [7f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, -6.5f]), 4, 0, clipSearch: false);
        Assert.Equal(1f, result.Scales[0]);
        Assert.Equal([7, 0, 2, 2, 0, -2, -2, -6], Codes(result, 0));
    }

    [Fact]
    public void EqualLossesKeepTheLargerClip()
    {
        // At clip 1 every weight is a whole number of steps: the loss is 0, which no clip can beat.
        LinearWeights result = WeightQuantizer.Quantize(TestWeights.FromFloats("w", 1, 4, [7f, -7f, 3f, 0f]), 4, 0, clipSearch: true);
        Assert.Equal(1f, result.Scales[0]);

        // -8 codes exist, +8 do not: two equal negative weights are exact at 7/8 of their size, which 0.87 and 0.88 come close to.
        float[] values = [-0.8f, -0.8f];
        float chosen = WeightQuantizer.Quantize(TestWeights.FromFloats("w", 1, 2, values), 4, 0, clipSearch: true).Scales[0];
        Assert.Equal(Candidates(0.8f, 4).MinBy(scale => Loss(values, scale, 4)), chosen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ZeroRowsGetScaleOne(bool search)
    {
        float[] values = [0, 0, 0, 0, 1, -2, 3, 4, 1e-42f, -1e-44f, 0, 0];
        LinearWeights result = WeightQuantizer.Quantize(TestWeights.FromFloats("w", 3, 4, values), 4, 0, search);
        Assert.Equal(1f, result.Scales[0]);
        Assert.Equal(1f, result.Scales[2]);
        Assert.Equal([0, 0, 0, 0], Codes(result, 0));
        Assert.Equal([0, 0, 0, 0], Codes(result, 2));
    }

    [Fact]
    public void FloatSixteenGivesTheSameAsItsFloatValues()
    {
        LinearWeights half = FloatRows.Convert(TestWeights.Random("w", 4, 96, seed: 5), WeightFormat.Float16, default);
        LinearWeights single = FloatRows.Convert(half, WeightFormat.Float32, default);
        LinearWeights a = WeightQuantizer.Quantize(half, 4, 0, clipSearch: true);
        LinearWeights b = WeightQuantizer.Quantize(single, 4, 0, clipSearch: true);
        Assert.Equal(b.Scales, a.Scales);
        Assert.Equal(b.Data.ToArray(), a.Data.ToArray());
    }

    [Fact]
    public void DequantizedWeightsLieWithinHalfAStep()
    {
        LinearWeights weights = TestWeights.Random("w", 8, 256, seed: 9);
        LinearWeights result = WeightQuantizer.Quantize(weights, 8, 64, clipSearch: false);
        float[] source = TestWeights.Floats(weights);
        float[] back = WeightQuantizer.Dequantize(result);
        for (int i = 0; i < source.Length; i++)
        {
            Assert.InRange(Math.Abs(source[i] - back[i]), 0, result.Scales[i / 64] * 0.5001f);
        }
    }

    [Fact]
    public void BadRequestsNameTheTensor()
    {
        LinearWeights weights = TestWeights.Random("layer.q", 2, 96, seed: 1);
        Assert.Equal("layer.q: 9 bits per weight; supported are 3 to 8", Message(weights, 9, 0));
        Assert.Equal("layer.q: 16 bits per weight; supported are 3 to 8", Message(weights, 16, 0));
        Assert.Equal("layer.q: group size 64 must be 0 or an even divisor of its 96 input features", Message(weights, 4, 64));
        Assert.Equal("layer.q: group size 3 must be 0 or an even divisor of its 96 input features", Message(weights, 4, 3));
        Assert.Equal("layer.q: group size -2 must be 0 or an even divisor of its 96 input features", Message(weights, 4, -2));
        Assert.Equal("odd: 5 input features; INT4 packs pairs and needs an even number",
            Message(TestWeights.Random("odd", 2, 5, seed: 1), 4, 0));
        Assert.Equal("layer.q: Int4 is quantized already", Message(WeightQuantizer.Quantize(weights, 4, 0, false), 4, 0));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void WeightThatIsNotFiniteIsNamed(float bad)
    {
        float[] values = new float[3 * 32];
        values[40] = bad;
        var error = Assert.Throws<InvalidDataException>(
            () => WeightQuantizer.Quantize(TestWeights.FromFloats("layer.q", 3, 32, values), 4, 0, clipSearch: true));
        Assert.Equal("layer.q: row 1 holds a weight that is not finite", error.Message);
    }

    [Fact]
    public void CancellationStopsTheWork()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(
            () => WeightQuantizer.Quantize(TestWeights.Random("w", 4, 32, 1), 4, 0, true, source.Token));
    }

    private static string Message(LinearWeights weights, int bits, int group) =>
        Assert.Throws<ArgumentException>(() => WeightQuantizer.Quantize(weights, bits, group, clipSearch: false)).Message;

    private static sbyte[] Codes(LinearWeights weights, int row)
    {
        var codes = new sbyte[weights.InFeatures];
        WeightQuantizer.ReadCodes(weights, row, codes);
        return codes;
    }

    private static float[] Candidates(float largest, int bits) =>
        [.. Enumerable.Range(0, 80).Select(i => (100 - i) / 100f * largest / ((1 << (bits - 1)) - 1))];

    private static double Loss(float[] values, float scale, int bits)
    {
        int highest = (1 << (bits - 1)) - 1;
        return values.Sum(w =>
        {
            double code = Math.Clamp(Math.Round((double)(w / scale), MidpointRounding.ToEven), -highest - 1, highest);
            return Math.Pow(Math.Abs(w - (code * scale)), 2.4);
        });
    }
}
