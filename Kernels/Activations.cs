namespace QuaRot.Kernels;

/// <summary>A [rows, width] float32 matrix that a stage hands on: the residual stream, or logits after the last stage.</summary>
/// <remarks>Lies in host memory here; a device backend derives its own. The taker disposes it.</remarks>
public abstract class Activations(int rows, int width) : IDisposable
{
    /// <summary>Number of rows.</summary>
    public int Rows { get; } = rows;

    /// <summary>Elements of a row: hidden_size, or vocab_size for logits.</summary>
    public int Width { get; } = width;

    /// <summary>Copies all elements, row-major, to <paramref name="destination"/> ([rows·width]).</summary>
    public abstract void CopyTo(Span<float> destination);

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}
