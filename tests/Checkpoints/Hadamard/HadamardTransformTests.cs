using QuaRot.Checkpoints.Hadamard;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Hadamard;

public class HadamardTransformTests
{
    public static TheoryData<int> Sizes => [1, 2, 4, 8, 12, 20, 24, 28, 40, 64, 96, 156, 172, 344, 512, 1280];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void EqualsTheDenseProduct(int n)
    {
        double[,] h = Dense(n);
        double[] x = RandomRow(n, seed: n);
        double[] forward = [.. x];
        double[] backward = [.. x];
        var transform = new HadamardTransform(n);
        transform.Apply(forward.AsSpan());
        transform.ApplyTransposed(backward.AsSpan());
        for (int j = 0; j < n; j++)
        {
            double expectedForward = 0;
            double expectedBackward = 0;
            for (int i = 0; i < n; i++)
            {
                expectedForward += x[i] * h[i, j];
                expectedBackward += x[i] * h[j, i];
            }

            // n additions of numbers below 4/√n in double precision.
            Assert.Equal(expectedForward, forward[j], 1e-12);
            Assert.Equal(expectedBackward, backward[j], 1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void TransposedUndoesIt(int n)
    {
        double[] x = RandomRow(n, seed: 1000 + n);
        float[] single = Array.ConvertAll(x, value => (float)value);
        float[] row = [.. single];
        var transform = new HadamardTransform(n);
        transform.Apply(row.AsSpan());
        transform.ApplyTransposed(row.AsSpan());
        for (int i = 0; i < n; i++)
        {
            // Two passes of at most 172 + 10 additions, each off by 2^-24 of the intermediate size.
            Assert.Equal(single[i], row[i], 2e-5f);
        }
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(8, 5)]
    [InlineData(12, 16)]
    [InlineData(40, 3)]
    public void InnerElementsAreTransformedEachByThemselves(int n, int inner)
    {
        double[] x = RandomRow(n * inner, seed: n);
        double[] actual = [.. x];
        new HadamardTransform(n, inner).Apply(actual.AsSpan());
        for (int i = 0; i < inner; i++)
        {
            double[] column = [.. Enumerable.Range(0, n).Select(j => x[(j * inner) + i])];
            new HadamardTransform(n).Apply(column.AsSpan());
            Assert.Equal(column, Enumerable.Range(0, n).Select(j => actual[(j * inner) + i]));
        }
    }

    [Fact]
    public void RowOfAnotherLengthIsAnError()
    {
        var transform = new HadamardTransform(8);
        var error = Assert.Throws<ArgumentException>(() => transform.Apply(new float[16]));
        Assert.StartsWith("a Hadamard transform of size 8 got a row of 16", error.Message);
    }

    [Fact]
    public void UnsupportedSizeIsAnError() => Assert.Throws<ArgumentException>(() => new HadamardTransform(6));

    private static double[,] Dense(int n)
    {
        HadamardSize size = HadamardSize.Factor(n);
        sbyte[] outer = HadamardMatrix.Create(size.M);
        var h = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                int bits = i & j & ((1 << size.K) - 1);
                int sign = int.PopCount(bits) % 2 == 0 ? 1 : -1;
                h[i, j] = sign * outer[((i >> size.K) * size.M) + (j >> size.K)] / Math.Sqrt(n);
            }
        }

        return h;
    }

    private static double[] RandomRow(int n, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, n).Select(_ => (random.NextDouble() * 8) - 4)];
    }
}
