using System.Buffers;

namespace QuaRot.Kernels.Forward;

/// <summary><see cref="Activations"/> in pooled managed memory, so that they may outlive the stage that made them.</summary>
public sealed class HostActivations : Activations
{
    private float[]? _values;

    /// <summary>Takes pooled memory for [rows, width]; its contents are not initialised.</summary>
    public HostActivations(int rows, int width)
        : base(rows, width) => _values = ArrayPool<float>.Shared.Rent(checked(rows * width));

    /// <summary>All elements, row-major.</summary>
    /// <exception cref="ObjectDisposedException">They were disposed.</exception>
    public Span<float> Values => (_values ?? throw new ObjectDisposedException(nameof(HostActivations))).AsSpan(0, Rows * Width);

    /// <summary>One row, [width].</summary>
    public Span<float> Row(int row) => Values.Slice(row * Width, Width);

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => Values.CopyTo(destination);

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_values is { } values)
        {
            _values = null;
            ArrayPool<float>.Shared.Return(values);
        }

        base.Dispose();
    }
}
