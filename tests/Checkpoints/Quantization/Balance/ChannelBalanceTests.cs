using QuaRot.Checkpoints.Quantization.Balance;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Tests.Rotation;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization.Balance;

public sealed class ChannelBalanceTests
{
    private static readonly int[] Tokens = [3, 17, 0, 5, 5, 11];

    // All heads alike, grouped ones, and a number of heads without a Hadamard matrix; every layer has all biases.
    [Theory]
    [InlineData(32, 40, 8, 8, 4)]
    [InlineData(32, 56, 8, 2, 4)]
    [InlineData(24, 40, 6, 3, 4)]
    public void TheFunctionStaysTheSame(int hidden, int intermediate, int heads, int kvHeads, int headDim)
    {
        using var model = new RandomModel(hidden, intermediate, heads, kvHeads, headDim, seed: 3);
        using var balanced = new BalancedModel(model);
        Assert.NotEqual(TestWeights.Floats(model.ReadLayer(0).V), TestWeights.Floats(balanced.ReadLayer(0).V));
        double[][] expected = new NaiveLlama(model).Forward(Tokens);

        // Weights are rounded to singles once; a factor of 100 for two layers' worth of conditioning, as without balancing.
        Assert.InRange(Distance(expected, new NaiveLlama(balanced).Forward(Tokens)), 0, 1e-5);
        using var rotated = new RotatedCheckpoint(balanced, seed: 5);
        Assert.InRange(Distance(expected, new NaiveLlama(rotated).Forward(Tokens)), 0, 1e-5);
    }

    [Fact]
    public void TheFullMatrixReachesTheLeastError()
    {
        const int N = 6;
        double[] sigma = Positive(N, 1), g = Positive(N, 2);
        for (int i = 0; i < N * N; i++)
        {
            // Some directions carry much more than others, while all are read alike.
            sigma[i] *= Math.Pow((1 + (i / N)) * (1 + (i % N)), 2);
        }

        (double[] a, double[] inverse) = NoiseShaping.Full(sigma, g, N);
        double[] identity = NoiseShaping.Multiply(a, inverse, N);
        for (int i = 0; i < N * N; i++)
        {
            Assert.Equal(i / N == i % N ? 1 : 0, identity[i], 1e-9);
        }

        double least = Error(sigma, g, a, inverse, N);
        var unit = new double[N * N];
        for (int i = 0; i < N; i++)
        {
            unit[(i * N) + i] = 1;
        }

        Assert.True(least < 0.9 * Error(sigma, g, unit, unit, N));
        var random = new Random(3);
        for (int trial = 0; trial < 50; trial++)
        {
            // No matrix near it does better.
            double[] other = [.. a.Select(x => x + (0.01 * (random.NextDouble() - 0.5)))];
            Assert.True(Error(sigma, g, other, Gptq.NaiveMatrix.Inverse(other, N), N) > 0.9999 * least);
        }
    }

    [Fact]
    public void TheDiagonalIsTheFourthRootOfGainOverPower()
    {
        double[] scale = NoiseShaping.Diagonal([1, 16, 1], [16, 1, 1]);
        Assert.Equal(2, scale[0], 1e-12);
        Assert.Equal(0.5, scale[1], 1e-12);
        Assert.Equal(1, scale[2], 1e-12);
    }

    [Fact]
    public void DeadChannelsGetFiniteScales()
    {
        Assert.All(NoiseShaping.Diagonal([0, 1, 2], [1, 0, 2]), scale => Assert.InRange(scale, 1e-3, 1e3));
        Assert.All(NoiseShaping.Diagonal([0, 0], [0, 0]), scale => Assert.Equal(1, scale, 1e-12));
        (double[] a, double[] inverse) = NoiseShaping.Full(new double[4], new double[4], 2);
        Assert.All(a.Concat(inverse), value => Assert.True(double.IsFinite(value)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    public void EigenvectorsRebuildTheMatrix(int n)
    {
        double[] m = Positive(n, 4);
        (double[] values, double[] v) = SymmetricEigen.Decompose(m, n);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = Enumerable.Range(0, n).Sum(k => v[(i * n) + k] * values[k] * v[(j * n) + k]);
                Assert.Equal(m[(i * n) + j], sum, 1e-9 * n);
            }
        }
    }

    private static double Error(double[] sigma, double[] g, double[] a, double[] inverse, int n)
    {
        double power = 0, gain = 0;
        for (int c = 0; c < n; c++)
        {
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    power += a[(i * n) + c] * sigma[(i * n) + j] * a[(j * n) + c];
                    gain += inverse[(c * n) + i] * g[(i * n) + j] * inverse[(c * n) + j];
                }
            }
        }

        return power * gain;
    }

    private static double[] Positive(int n, int seed)
    {
        float[] x = Gptq.NaiveMatrix.CorrelatedRows(5 * n, n, seed);
        return Gptq.NaiveMatrix.Moments(x, n, x, n);
    }

    private static double Distance(double[][] expected, double[][] actual)
    {
        double difference = 0, size = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += expected[i].Zip(actual[i], (e, a) => (e - a) * (e - a)).Sum();
            size += expected[i].Sum(e => e * e);
        }

        return Math.Sqrt(difference / size);
    }

    /// <summary>A model balanced for made-up moments, which change what is scaled by how much but never the function.</summary>
    private sealed class BalancedModel(ICheckpoint source) : ICheckpoint
    {
        public ModelConfig Config => source.Config;

        public LinearWeights ReadEmbedding() => source.ReadEmbedding();

        public LayerWeights ReadLayer(int layer)
        {
            int heads = Config.NumHeads * Config.HeadDim, keys = Config.NumKvHeads * Config.HeadDim;
            var random = new Random(layer);
            double[] power = [.. Enumerable.Range(0, heads + keys).Select(_ => 0.1 + random.NextDouble())];
            return ChannelBalance.Apply(
                source.ReadLayer(layer), Config, power, Positive(heads, 10 + layer), Positive(Config.IntermediateSize, 20 + layer));
        }

        public HeadWeights ReadHead() => source.ReadHead();

        public void Dispose()
        {
        }
    }
}
