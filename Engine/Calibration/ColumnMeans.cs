using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization;

namespace QuaRot.Engine.Calibration;

/// <summary>The mean of each column of rows that come in parts, and what it is worth behind a linear layer.</summary>
internal sealed class ColumnMeans(int width)
{
    private const int Columns = 64;

    private readonly double[] _sums = new double[width];
    private long _rows;

    /// <summary>[width] the means.</summary>
    public float[] Values => [.. _sums.Select(sum => (float)(sum / _rows))];

    /// <summary>Adds rows, in a fixed order for any number of threads.</summary>
    /// <param name="x">[rows, width]</param>
    public void Add(float[] x)
    {
        _rows += x.Length / width;
        Parallel.For(0, (width + Columns - 1) / Columns, part =>
        {
            var sums = _sums.AsSpan(part * Columns, Math.Min(Columns, width - (part * Columns)));
            for (var at = part * Columns; at < x.Length; at += width)
            {
                for (var i = 0; i < sums.Length; i++)
                    sums[i] += x[at + i];
            }
        });
    }

    /// <summary><paramref name="linear"/> with <paramref name="sign"/>·W·<paramref name="x"/> added to its bias.</summary>
    /// <param name="linear">[out, in], float or integer.</param>
    /// <param name="x">[in]</param>
    /// <param name="sign">1 or -1.</param>
    public static LinearWeights AddToBias(LinearWeights linear, float[] x, int sign)
    {
        var weights = WeightQuantizer.Values(linear);
        var bias = new float[linear.OutFeatures];
        Parallel.For(0, bias.Length, row =>
        {
            var sum = 0.0;
            for (var i = 0; i < x.Length; i++)
                sum += (double)weights[((long)row * x.Length) + i] * x[i];
            bias[row] = (float)((linear.Bias?[row] ?? 0) + (sign * sum));
        });
        return linear with { Bias = bias };
    }
}
