namespace QuaRot.Kernels.Backends;

/// <summary>What quantize_per_token leaves for a GEMM: signed codes with one scale a row, or plain floats at 16 bits.</summary>
/// <remarks>A workspace of fixed capacity; the last quantize_per_token decides rows, width and bits.</remarks>
public abstract class QuantizedRows(int maxRows, int maxWidth) : IDisposable
{
    /// <summary>Most rows it can hold.</summary>
    public int MaxRows { get; } = maxRows;

    /// <summary>Most elements a row can hold.</summary>
    public int MaxWidth { get; } = maxWidth;

    /// <summary>Rows it holds now.</summary>
    public int Rows { get; private set; }

    /// <summary>Elements of a row.</summary>
    public int Width { get; private set; }

    /// <summary>3 to 8: codes and scales; 16: floats.</summary>
    public int Bits { get; private set; }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Sets the shape before it is filled.</summary>
    /// <exception cref="ArgumentException">The shape passes the capacity, or the bits are none of 3 to 8 and 16.</exception>
    protected void SetShape(int rows, int width, int bits)
    {
        if (rows > MaxRows || width > MaxWidth)
        {
            throw new ArgumentException($"[{rows}, {width}] does not fit a workspace of [{MaxRows}, {MaxWidth}]");
        }

        if (bits is not ((>= 3 and <= 8) or 16))
        {
            throw new ArgumentException($"activations of {bits} bits: supported are 3 to 8 and 16", nameof(bits));
        }

        (Rows, Width, Bits) = (rows, width, bits);
    }
}
