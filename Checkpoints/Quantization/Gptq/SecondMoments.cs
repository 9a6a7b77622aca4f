using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>Σ a[n]ᵀ·b[n] over pairs of rows, [a's width, b's width]: the Hessian of a linear layer, or its inputs' cross moments.</summary>
/// <remarks>
/// Rows are taken in blocks of 256: a block is summed in single precision in ascending order with fused multiply-add, the blocks in double.
/// The order of each element's additions is fixed, so that the sums are the same for any number of threads and any vector width.
/// </remarks>
public sealed class SecondMoments
{
    private const int BlockRows = 256;

    /// <summary>Columns of a packed panel: two vectors.</summary>
    private const int Panel = 32;

    /// <summary>Rows of a register tile.</summary>
    private const int Tile = 4;

    private readonly bool _symmetric;

    /// <summary>Zero moments of two kinds of rows.</summary>
    public SecondMoments(int leftWidth, int rightWidth)
        : this(leftWidth, rightWidth, symmetric: false)
    {
    }

    private SecondMoments(int leftWidth, int rightWidth, bool symmetric)
    {
        (LeftWidth, RightWidth, _symmetric) = (leftWidth, rightWidth, symmetric);
        Values = new double[(long)leftWidth * rightWidth];
    }

    /// <summary>Width of the left rows.</summary>
    public int LeftWidth { get; }

    /// <summary>Width of the right rows.</summary>
    public int RightWidth { get; }

    /// <summary>Pairs of rows so far.</summary>
    public long Count { get; private set; }

    /// <summary>[left width, right width] sums, row-major.</summary>
    public double[] Values { get; }

    /// <summary>Zero moments of rows with themselves.</summary>
    public static SecondMoments OfOne(int width) => new(width, width, symmetric: true);

    /// <summary>Adds rows with themselves; only for <see cref="OfOne"/>.</summary>
    /// <param name="rows">[count, width]</param>
    public void Add(ReadOnlyMemory<float> rows) => Add(rows, rows);

    /// <summary>Adds pairs of rows.</summary>
    /// <param name="left">[count, left width]</param>
    /// <param name="right">[count, right width]</param>
    /// <exception cref="ArgumentException">The two do not hold equally many whole rows.</exception>
    public void Add(ReadOnlyMemory<float> left, ReadOnlyMemory<float> right)
    {
        int rows = left.Length / LeftWidth;
        if (rows * LeftWidth != left.Length || rows * RightWidth != right.Length)
        {
            throw new ArgumentException($"{left.Length} and {right.Length} elements are no pairs of rows of {LeftWidth} and {RightWidth}");
        }

        for (int first = 0; first < rows; first += BlockRows)
        {
            int count = Math.Min(BlockRows, rows - first);
            float[] b = Pack(right.Span.Slice(first * RightWidth, count * RightWidth), RightWidth, count);
            float[] a = _symmetric ? b : Pack(left.Span.Slice(first * LeftWidth, count * LeftWidth), LeftWidth, count);
            AddBlock(a, b, count);
        }

        Count += rows;
    }

    /// <summary>Panels of <see cref="Panel"/> columns, [panels][count][Panel], the last padded with zeros.</summary>
    private static float[] Pack(ReadOnlySpan<float> rows, int width, int count)
    {
        int panels = (width + Panel - 1) / Panel;
        var packed = new float[panels * count * Panel];
        for (int n = 0; n < count; n++)
        {
            ReadOnlySpan<float> row = rows.Slice(n * width, width);
            for (int p = 0; p < panels; p++)
            {
                int columns = Math.Min(Panel, width - (p * Panel));
                row.Slice(p * Panel, columns).CopyTo(packed.AsSpan(((p * count) + n) * Panel));
            }
        }

        return packed;
    }

    private void AddBlock(float[] a, float[] b, int count)
    {
        int leftPanels = (LeftWidth + Panel - 1) / Panel;
        int rightPanels = (RightWidth + Panel - 1) / Panel;
        Parallel.For(0, leftPanels, i =>
        {
            Span<float> sums = stackalloc float[Tile * Panel];
            for (int j = _symmetric ? i : 0; j < rightPanels; j++)
            {
                for (int t = 0; t < Panel; t += Tile)
                {
                    Multiply(a.AsSpan(i * count * Panel, count * Panel), t, b.AsSpan(j * count * Panel, count * Panel), count, sums);
                    Store(sums, (i * Panel) + t, j * Panel);
                }
            }
        });
    }

    private static void Multiply(ReadOnlySpan<float> a, int offset, ReadOnlySpan<float> b, int count, Span<float> sums)
    {
        ref float left = ref MemoryMarshal.GetReference(a);
        ref float right = ref MemoryMarshal.GetReference(b);
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default, c30 = default, c31 = default;
        for (int n = 0; n < count; n++)
        {
            nuint at = (nuint)(n * Panel);
            Vector512<float> b0 = Vector512.LoadUnsafe(ref right, at);
            Vector512<float> b1 = Vector512.LoadUnsafe(ref right, at + 16);
            Vector512<float> x = Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref left, at + (nuint)offset));
            (c00, c01) = (Vector512.FusedMultiplyAdd(x, b0, c00), Vector512.FusedMultiplyAdd(x, b1, c01));
            x = Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref left, at + (nuint)offset + 1));
            (c10, c11) = (Vector512.FusedMultiplyAdd(x, b0, c10), Vector512.FusedMultiplyAdd(x, b1, c11));
            x = Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref left, at + (nuint)offset + 2));
            (c20, c21) = (Vector512.FusedMultiplyAdd(x, b0, c20), Vector512.FusedMultiplyAdd(x, b1, c21));
            x = Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref left, at + (nuint)offset + 3));
            (c30, c31) = (Vector512.FusedMultiplyAdd(x, b0, c30), Vector512.FusedMultiplyAdd(x, b1, c31));
        }

        ref float sum = ref MemoryMarshal.GetReference(sums);
        c00.StoreUnsafe(ref sum, 0);
        c01.StoreUnsafe(ref sum, 16);
        c10.StoreUnsafe(ref sum, 32);
        c11.StoreUnsafe(ref sum, 48);
        c20.StoreUnsafe(ref sum, 64);
        c21.StoreUnsafe(ref sum, 80);
        c30.StoreUnsafe(ref sum, 96);
        c31.StoreUnsafe(ref sum, 112);
    }

    private void Store(ReadOnlySpan<float> sums, int firstRow, int firstColumn)
    {
        int columns = Math.Min(Panel, RightWidth - firstColumn);
        for (int r = 0; r < Math.Min(Tile, LeftWidth - firstRow); r++)
        {
            for (int c = 0; c < columns; c++)
            {
                float value = sums[(r * Panel) + c];
                int row = firstRow + r, column = firstColumn + c;
                Values[((long)row * RightWidth) + column] += value;
                if (_symmetric && column / Panel != row / Panel)
                {
                    Values[((long)column * RightWidth) + row] += value;
                }
            }
        }
    }
}
