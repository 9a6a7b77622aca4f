using QuaRot.Checkpoints.Quantization.Gptq;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization.Gptq;

public sealed class TriangularFactorTests
{
    // Below, at and above a block of 64.
    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(131)]
    public void TheFactorTimesItsTransposeIsTheMatrix(int n)
    {
        double[] h = Hessian(n);
        double[] r = TriangularFactor.Of(h, n, added: 0.5)!.Values;
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = Enumerable.Range(0, n).Sum(k => r[(i * n) + k] * r[(j * n) + k]);
                Assert.Equal(h[(i * n) + j] + (i == j ? 0.5 : 0), sum, 1e-9 * h[0] * n);
                Assert.True(j >= i || r[(i * n) + j] == 0);
            }
        }
    }

    // One row, and more than the 16 that are solved at once.
    [Theory]
    [InlineData(1, 5)]
    [InlineData(19, 70)]
    public void SolveUndoesTheProduct(int rows, int n)
    {
        double[] h = Hessian(n);
        double[] x = Array.ConvertAll(NaiveMatrix.CorrelatedRows(rows, n, 8), value => (double)value);
        var product = new double[rows * n];
        for (int i = 0; i < product.Length; i++)
        {
            product[i] = Enumerable.Range(0, n).Sum(k => x[(i / n * n) + k] * h[(k * n) + (i % n)]);
        }

        TriangularFactor.Of(h, n, added: 0)!.Solve(product);
        for (int i = 0; i < x.Length; i++)
        {
            // The matrix has a condition of some 1e4.
            Assert.Equal(x[i], product[i], 1e-8);
        }
    }

    [Fact]
    public void WhatIsNotPositiveDefiniteHasNone()
    {
        Assert.Null(TriangularFactor.Of([1, 2, 2, 1], 2, added: 0));
        Assert.Null(TriangularFactor.Of([1, double.NaN, double.NaN, 1], 2, added: 0));
        Assert.NotNull(TriangularFactor.Of([1, 2, 2, 1], 2, added: 1.5));
    }

    private static double[] Hessian(int n)
    {
        float[] x = NaiveMatrix.CorrelatedRows(4 * n, n, 5);
        return NaiveMatrix.Moments(x, n, x, n);
    }
}
