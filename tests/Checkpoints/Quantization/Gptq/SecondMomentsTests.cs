using QuaRot.Checkpoints.Quantization.Gptq;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization.Gptq;

public sealed class SecondMomentsTests
{
    // One row, a block of 256 rows and one more, widths below, at and above a panel of 32 and a tile of 4.
    [Theory]
    [InlineData(1, 5, 7)]
    [InlineData(257, 32, 33)]
    [InlineData(300, 70, 4)]
    public void SumsOfPairsEqualThePlainLoops(int rows, int left, int right)
    {
        float[] a = NaiveMatrix.CorrelatedRows(rows, left, 1), b = NaiveMatrix.CorrelatedRows(rows, right, 2);
        var moments = new SecondMoments(left, right);
        moments.Add(a, b);
        AssertClose(NaiveMatrix.Moments(a, left, b, right), moments.Values, rows);
        Assert.Equal(rows, moments.Count);
    }

    [Theory]
    [InlineData(3, 9)]
    [InlineData(513, 67)]
    public void SumsOfRowsWithThemselvesAreSymmetric(int rows, int width)
    {
        float[] a = NaiveMatrix.CorrelatedRows(rows, width, 3);
        var moments = SecondMoments.OfOne(width);
        moments.Add(a);
        AssertClose(NaiveMatrix.Moments(a, width, a, width), moments.Values, rows);
        for (int i = 0; i < width; i++)
        {
            for (int j = 0; j < i; j++)
            {
                Assert.Equal(moments.Values[(i * width) + j], moments.Values[(j * width) + i]);
            }
        }
    }

    [Fact]
    public void TwoPartsAddUpToTheWholeWhereBlocksEnd()
    {
        float[] a = NaiveMatrix.CorrelatedRows(512, 40, 4);
        SecondMoments whole = SecondMoments.OfOne(40), parts = SecondMoments.OfOne(40);
        whole.Add(a);
        parts.Add(a.AsMemory(0, 256 * 40));
        parts.Add(a.AsMemory(256 * 40));
        Assert.Equal(whole.Values, parts.Values);
    }

    [Fact]
    public void UnequalRowsAreRefused() => Assert.Equal(
        "12 and 8 elements are no pairs of rows of 3 and 4",
        Assert.Throws<ArgumentException>(() => new SecondMoments(3, 4).Add(new float[12], new float[8])).Message);

    /// <summary>Single precision within a block of 256 rows: each sum is good to some 256 roundings of its largest terms.</summary>
    private static void AssertClose(double[] expected, double[] actual, int rows)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 1e-5 * rows);
        }
    }
}
