using QuaRot.Checkpoints.Rotation;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Rotation;

public class RandomizedHadamardTests
{
    [Fact]
    public void SplitMixGivesItsPublishedSequence()
    {
        // The first outputs for seed 1234567 as published with the reference implementation.
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        Assert.Equal(expected, Enumerable.Range(0, 5).Select(i => SplitMix64.Output(1234567, (ulong)i)));
    }

    [Theory]
    [InlineData(8, 0)]
    [InlineData(20, 1)]
    [InlineData(1280, ulong.MaxValue)]
    public void TransposedUndoesItAndLengthsStay(int n, ulong seed)
    {
        var q = new RandomizedHadamard(n, seed);
        double[] x = [.. Enumerable.Range(0, n).Select(i => Math.Sin(i + 1))];
        double[] y = [.. x];
        q.Apply(y);
        Assert.NotEqual(x, y);
        Assert.Equal(x.Sum(v => v * v), y.Sum(v => v * v), 1e-9);
        q.ApplyTransposed(y);
        for (int i = 0; i < n; i++)
        {
            Assert.Equal(x[i], y[i], 1e-12);
        }
    }

    [Fact]
    public void SignsMultiplyTheRowBeforeTheTransform()
    {
        // e_i·Q is ±1 times row i of H, so that its first entry carries the sign (column 0 of H_8 is all ones).
        var q = new RandomizedHadamard(8, seed: 3);
        for (int i = 0; i < 8; i++)
        {
            var row = new double[8];
            row[i] = 1;
            q.Apply(row);
            Assert.Equal(SplitMix64.Output(3, (ulong)i) >> 63 == 1, row[0] < 0);
        }
    }
}
