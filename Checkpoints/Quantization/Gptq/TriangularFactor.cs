using System.Numerics;
using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>R, upper triangular, of a positive definite H = R·Rᵀ.</summary>
/// <remarks>
/// Cholesky's decomposition from the last row up. It serves GPTQ without an inverse: ‖(w - q)·R‖² is the error of a row of weights, and
/// column j of R weighs the errors of the columns up to j alone, so that they can be rounded one after another.
/// </remarks>
public sealed class TriangularFactor
{
    private const int Block = 64;

    private TriangularFactor(int size, double[] values) => (Size, Values) = (size, values);

    /// <summary>Order of H.</summary>
    public int Size { get; }

    /// <summary>[size, size] R, row-major; what is below the diagonal is 0.</summary>
    public double[] Values { get; }

    /// <summary>Decomposes a symmetric matrix; null where it is not positive definite.</summary>
    /// <param name="matrix">[size, size]; kept.</param>
    /// <param name="size">Its order.</param>
    /// <param name="added">Added to each element of the diagonal.</param>
    public static TriangularFactor? Of(ReadOnlySpan<double> matrix, int size, double added)
    {
        // The rows in reverse order, so that the plain lower triangular decomposition serves.
        var l = new double[(long)size * size];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                l[((long)i * size) + j] = matrix[(int)(((long)(size - 1 - i) * size) + size - 1 - j)];
            }

            l[((long)i * size) + i] += added;
        }

        for (int first = 0; first < size; first += Block)
        {
            int end = Math.Min(first + Block, size);
            if (!DiagonalBlock(l, size, first, end))
            {
                return null;
            }

            Parallel.For(end, size, row => SolveRow(l, size, row, first, end));
        }

        Array.Reverse(l);
        return new TriangularFactor(size, l);
    }

    /// <summary>x of x·H = b for many rows b, in place.</summary>
    /// <param name="rows">[count, size]</param>
    public void Solve(double[] rows)
    {
        int n = Size;
        const int Lanes = 16;
        int count = rows.Length / n;
        Parallel.For(0, (count + Lanes - 1) / Lanes, block =>
        {
            int first = block * Lanes, width = Math.Min(Lanes, count - first);
            var x = new double[n * Lanes];
            for (int r = 0; r < width; r++)
            {
                for (int k = 0; k < n; k++)
                {
                    x[(k * Lanes) + r] = rows[((first + r) * (long)n) + k];
                }
            }

            SolveLanes(x, Lanes);
            for (int r = 0; r < width; r++)
            {
                for (int k = 0; k < n; k++)
                {
                    rows[((first + r) * (long)n) + k] = x[(k * Lanes) + r];
                }
            }
        });
    }

    /// <summary>First y of y·Rᵀ = b from the last element on, then x of x·R = y from the first on.</summary>
    private void SolveLanes(double[] x, int lanes)
    {
        Span<double> sum = stackalloc double[lanes];
        for (int j = Size - 1; j >= 0; j--)
        {
            ReadOnlySpan<double> row = Values.AsSpan(j * Size, Size);
            x.AsSpan(j * lanes, lanes).CopyTo(sum);
            for (int k = j + 1; k < Size; k++)
            {
                Subtract(sum, x.AsSpan(k * lanes, lanes), row[k]);
            }

            Divide(sum, row[j], x.AsSpan(j * lanes, lanes));
        }

        for (int i = 0; i < Size; i++)
        {
            ReadOnlySpan<double> row = Values.AsSpan(i * Size, Size);
            Span<double> value = x.AsSpan(i * lanes, lanes);
            Divide(value, row[i], value);
            for (int k = i + 1; k < Size; k++)
            {
                Subtract(x.AsSpan(k * lanes, lanes), value, row[k]);
            }
        }
    }

    private static void Subtract(Span<double> target, ReadOnlySpan<double> source, double factor)
    {
        Span<Vector<double>> t = MemoryMarshal.Cast<double, Vector<double>>(target);
        ReadOnlySpan<Vector<double>> s = MemoryMarshal.Cast<double, Vector<double>>(source);
        var minus = new Vector<double>(-factor);
        for (int i = 0; i < t.Length; i++)
        {
            t[i] = Vector.FusedMultiplyAdd(s[i], minus, t[i]);
        }
    }

    private static void Divide(ReadOnlySpan<double> source, double divisor, Span<double> target)
    {
        for (int i = 0; i < source.Length; i++)
        {
            target[i] = source[i] / divisor;
        }
    }

    private static bool DiagonalBlock(double[] l, int n, int first, int end)
    {
        for (int i = first; i < end; i++)
        {
            for (int j = first; j <= i; j++)
            {
                double value = l[((long)i * n) + j] - Dot(l, i, j, n, j);
                if (i == j && !(value > 0 && double.IsFinite(value)))
                {
                    return false;
                }

                l[((long)i * n) + j] = i == j ? Math.Sqrt(value) : value / l[((long)j * n) + j];
            }
        }

        return true;
    }

    private static void SolveRow(double[] l, int n, int row, int first, int end)
    {
        for (int j = first; j < end; j++)
        {
            l[((long)row * n) + j] = (l[((long)row * n) + j] - Dot(l, row, j, n, j)) / l[((long)j * n) + j];
        }
    }

    /// <summary>The first <paramref name="count"/> products of two rows, in 4 lanes whatever the vectors' width.</summary>
    private static double Dot(double[] l, int a, int b, int n, int count)
    {
        ReadOnlySpan<double> x = l.AsSpan(a * n, count), y = l.AsSpan(b * n, count);
        var first = System.Runtime.Intrinsics.Vector256<double>.Zero;
        int i = 0;
        for (; i <= count - 4; i += 4)
        {
            first = System.Runtime.Intrinsics.Vector256.FusedMultiplyAdd(
                System.Runtime.Intrinsics.Vector256.Create(x.Slice(i, 4)), System.Runtime.Intrinsics.Vector256.Create(y.Slice(i, 4)), first);
        }

        double sum = (first[0] + first[2]) + (first[1] + first[3]);
        for (; i < count; i++)
        {
            sum = Math.FusedMultiplyAdd(x[i], y[i], sum);
        }

        return sum;
    }
}
