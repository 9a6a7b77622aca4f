using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization.Balance;

/// <summary>A linear layer's weights as doubles that can be scaled and mixed, [out, in] row-major.</summary>
internal sealed class FloatMatrix
{
    private readonly LinearWeights _source;

    public FloatMatrix(LinearWeights source)
    {
        _source = source;
        (Rows, Columns) = (source.OutFeatures, source.InFeatures);
        Values = new double[(long)Rows * Columns];
        Bias = source.Bias is null ? null : Array.ConvertAll(source.Bias, x => (double)x);
        var row = new float[Columns];
        for (int r = 0; r < Rows; r++)
        {
            FloatRows.Read(source, r, row);
            for (int k = 0; k < Columns; k++)
            {
                Values[((long)r * Columns) + k] = row[k];
            }
        }
    }

    public int Rows { get; }

    public int Columns { get; }

    public double[] Values { get; }

    public double[]? Bias { get; }

    /// <summary>Σ of squares of a column.</summary>
    public double ColumnPower(int column) => Enumerable.Range(0, Rows).Sum(r => Values[(r * Columns) + column] * Values[(r * Columns) + column]);

    public void ScaleRow(int row, double factor)
    {
        for (int k = 0; k < Columns; k++)
        {
            Values[(row * Columns) + k] *= factor;
        }

        if (Bias is not null)
        {
            Bias[row] *= factor;
        }
    }

    public void ScaleColumn(int column, double factor)
    {
        for (int r = 0; r < Rows; r++)
        {
            Values[(r * Columns) + column] *= factor;
        }
    }

    /// <summary>Rows first to first + n := Aᵀ·(those rows), so that the outputs y become y·A.</summary>
    public void MixRows(int first, double[] a, int n)
    {
        Parallel.For(0, Columns + 1, k =>
        {
            if (k == Columns && Bias is null)
            {
                return;
            }

            var old = new double[n];
            for (int i = 0; i < n; i++)
            {
                old[i] = k == Columns ? Bias![first + i] : Values[((first + i) * Columns) + k];
            }

            for (int c = 0; c < n; c++)
            {
                double sum = 0;
                for (int i = 0; i < n; i++)
                {
                    sum += a[(i * n) + c] * old[i];
                }

                if (k == Columns)
                {
                    Bias![first + c] = sum;
                }
                else
                {
                    Values[((first + c) * Columns) + k] = sum;
                }
            }
        });
    }

    /// <summary>Columns first to first + n := (those columns)·A⁻ᵀ, which makes up for inputs x that became x·A.</summary>
    public void MixColumns(int first, double[] inverse, int n)
    {
        Parallel.For(0, Rows, r =>
        {
            double[] old = Values.AsSpan((r * Columns) + first, n).ToArray();
            for (int c = 0; c < n; c++)
            {
                double sum = 0;
                for (int i = 0; i < n; i++)
                {
                    sum += inverse[(c * n) + i] * old[i];
                }

                Values[(r * Columns) + first + c] = sum;
            }
        });
    }

    /// <summary>The matrix in Float32.</summary>
    public LinearWeights ToLinear() => _source with
    {
        Format = WeightFormat.Float32,
        Data = MemoryMarshal.AsBytes(Array.ConvertAll(Values, x => (float)x).AsSpan()).ToArray(),
        Bias = Bias is null ? null : Array.ConvertAll(Bias, x => (float)x),
    };
}
