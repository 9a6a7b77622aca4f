using QuaRot.Checkpoints.Quantization.Gptq;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization.Gptq;

public sealed class OutputMatchingTests
{
    private const int Width = 24;
    private const int Rows = 400;

    [Fact]
    public void ADistortedInputIsMadeUpFor()
    {
        // z is x with its channels scaled: W' must divide by the scales.
        float[] x = NaiveMatrix.CorrelatedRows(Rows, Width, 1);
        float[] z = [.. x.Select((value, i) => value * (1 + (0.05f * (i % Width))))];
        LinearWeights weights = TestWeights.Random("w", 7, Width, 2);
        LinearWeights moved = OutputMatching.Move(weights, Moments(z, z), Moments(x, z), residual: null, damping: 1e-9);
        float[] before = TestWeights.Floats(weights), after = TestWeights.Floats(moved);
        for (int i = 0; i < before.Length; i++)
        {
            Assert.Equal(before[i] / (1 + (0.05f * (i % Width))), after[i], 1e-4f);
        }
    }

    [Fact]
    public void NoiseInTheInputIsDamped()
    {
        // Fitted on one half and measured on the other, so that it is no memory of the noise.
        float[] x = NaiveMatrix.CorrelatedRows(2 * Rows, Width, 3);
        var random = new Random(4);
        float[] z = [.. x.Select(value => value + (float)(random.NextDouble() - 0.5))];
        int half = Rows * Width;
        LinearWeights weights = TestWeights.Random("w", 7, Width, 5);
        LinearWeights moved = OutputMatching.Move(
            weights, Moments(z[..half], z[..half]), Moments(x[..half], z[..half]), residual: null, damping: 1e-3);
        double plain = OutputError(weights, x[half..], weights, z[half..]), matched = OutputError(weights, x[half..], moved, z[half..]);
        Assert.True(matched < 0.7 * plain, $"{matched} is not below 0.7 of {plain}");
    }

    [Fact]
    public void WhatTheResidualLacksIsAdded()
    {
        // r = z·Bᵀ can be added in full: W' = W + B.
        float[] z = NaiveMatrix.CorrelatedRows(Rows, Width, 6);
        LinearWeights weights = TestWeights.Random("w", 5, Width, 7), lacking = TestWeights.Random("b", 5, Width, 8);
        float[] b = TestWeights.Floats(lacking);
        var r = new float[Rows * 5];
        for (int i = 0; i < r.Length; i++)
        {
            r[i] = Enumerable.Range(0, Width).Sum(k => b[((i % 5) * Width) + k] * z[(i / 5 * Width) + k]);
        }

        LinearWeights moved = OutputMatching.Move(
            weights, Moments(z, z), Moments(z, z), NaiveMatrix.Moments(r, 5, z, Width), damping: 1e-9);
        float[] before = TestWeights.Floats(weights), after = TestWeights.Floats(moved);
        for (int i = 0; i < before.Length; i++)
        {
            Assert.Equal(before[i] + b[i], after[i], 1e-4f);
        }
    }

    private static double[] Moments(float[] a, float[] b) => NaiveMatrix.Moments(a, Width, b, Width);

    private static double OutputError(LinearWeights w, float[] x, LinearWeights moved, float[] z)
    {
        float[] a = TestWeights.Floats(w), b = TestWeights.Floats(moved);
        double sum = 0;
        for (int n = 0; n < x.Length / Width; n++)
        {
            for (int r = 0; r < w.OutFeatures; r++)
            {
                double error = 0;
                for (int k = 0; k < Width; k++)
                {
                    error += ((double)a[(r * Width) + k] * x[(n * Width) + k]) - ((double)b[(r * Width) + k] * z[(n * Width) + k]);
                }

                sum += error * error;
            }
        }

        return sum;
    }
}
