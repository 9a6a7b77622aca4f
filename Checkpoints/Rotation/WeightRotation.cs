using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Quantization;

namespace QuaRot.Checkpoints.Rotation;

/// <summary>Multiplies weight matrices from either side by orthogonal matrices that are given as transforms of a row.</summary>
/// <remarks>
/// Computes in double precision, rounds once. Rows (or columns) are independent: the result does not depend on the number of threads.
/// </remarks>
internal static class WeightRotation
{
    /// <summary>Columns that are gathered at once: a cache line of singles.</summary>
    private const int ColumnBlock = 16;

    /// <summary>W := W·diag(gain)·M for a transform row := row·M.</summary>
    /// <param name="weights">[out, in], a float format.</param>
    /// <param name="gain">[in], or null for ones.</param>
    /// <param name="transform">row·M for rows of length in.</param>
    /// <param name="format">Float format of the result.</param>
    /// <param name="cancellation">Stops between rows.</param>
    /// <exception cref="InvalidDataException">A result does not fit <paramref name="format"/>; the message names the tensor.</exception>
    public static LinearWeights Inputs(
        LinearWeights weights, float[]? gain, RowTransform transform, WeightFormat format, CancellationToken cancellation)
    {
        int n = weights.InFeatures;
        LinearWeights result = weights with { Format = format, Data = default };
        int rowBytes = result.RowBytes;
        var data = new byte[(long)weights.OutFeatures * rowBytes];
        ParallelRows.Run(weights.OutFeatures, () => (Single: new float[n], Double: new double[n]), (row, buffers) =>
        {
            FloatRows.Read(weights, row, buffers.Single);
            for (int k = 0; k < n; k++)
            {
                buffers.Double[k] = gain is null ? buffers.Single[k] : (double)buffers.Single[k] * gain[k];
            }

            transform(buffers.Double);
            Round(buffers.Double, buffers.Single);
            FloatRows.Write(buffers.Single, format, data.AsSpan(row * rowBytes, rowBytes), weights.Name, row);
        }, cancellation);
        return result with { Data = data };
    }

    /// <summary>W := Mᵀ·W for a transform row := row·M, so that the layer's output y = x·Wᵀ becomes y·M; the bias goes with it.</summary>
    /// <param name="weights">[out, in] in Float32, in an array of its own that becomes the result's.</param>
    /// <param name="transform">row·M for rows of length out.</param>
    /// <param name="cancellation">Stops between blocks of columns.</param>
    public static LinearWeights Outputs(LinearWeights weights, RowTransform transform, CancellationToken cancellation)
    {
        int rows = weights.OutFeatures;
        int columns = weights.InFeatures;
        bool isArray = MemoryMarshal.TryGetArray(weights.Data, out ArraySegment<byte> data);
        if (!isArray || weights.Format != WeightFormat.Float32)
        {
            throw new ArgumentException($"{weights.Name}: a Float32 array is rotated in place, not {weights.Format}", nameof(weights));
        }

        int blocks = (columns + ColumnBlock - 1) / ColumnBlock;
        ParallelRows.Run(blocks, () => new double[ColumnBlock * rows], (block, buffer) =>
        {
            Span<float> values = MemoryMarshal.Cast<byte, float>(data.AsSpan());
            int first = block * ColumnBlock;
            int width = Math.Min(ColumnBlock, columns - first);
            for (int r = 0; r < rows; r++)
            {
                for (int c = 0; c < width; c++)
                {
                    buffer[(c * rows) + r] = values[(r * columns) + first + c];
                }
            }

            for (int c = 0; c < width; c++)
            {
                transform(buffer.AsSpan(c * rows, rows));
            }

            for (int r = 0; r < rows; r++)
            {
                for (int c = 0; c < width; c++)
                {
                    values[(r * columns) + first + c] = (float)buffer[(c * rows) + r];
                }
            }
        }, cancellation);
        return weights with { Bias = RotateBias(weights.Bias, transform) };
    }

    /// <summary>S := Mᵀ·S·M for a symmetric matrix and a transform row := row·M, in place.</summary>
    public static void BothSides(double[] matrix, RowTransform transform)
    {
        int n = (int)Math.Sqrt(matrix.LongLength);
        for (int pass = 0; pass < 2; pass++)
        {
            Parallel.For(0, n, row => transform(matrix.AsSpan(row * n, n)));
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    (matrix[(i * n) + j], matrix[(j * n) + i]) = (matrix[(j * n) + i], matrix[(i * n) + j]);
                }
            }
        }
    }

    private static float[]? RotateBias(float[]? bias, RowTransform transform)
    {
        if (bias is null)
        {
            return null;
        }

        double[] row = Array.ConvertAll(bias, x => (double)x);
        transform(row);
        return Array.ConvertAll(row, x => (float)x);
    }

    private static void Round(ReadOnlySpan<double> from, Span<float> to)
    {
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = (float)from[i];
        }
    }
}
