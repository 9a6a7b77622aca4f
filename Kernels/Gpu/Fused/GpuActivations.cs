namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>A [rows, width] matrix of floats on a GPU: the residual stream on its way to the next stage. Disposed, its memory goes back to its stage.</summary>
internal sealed class GpuActivations(ActivationPool pool, DeviceMemory memory, int rows, int width) : Activations(rows, width)
{
    private int _isDisposed;

    /// <summary>The elements.</summary>
    public DeviceMemory Memory => memory;

    /// <summary>Where they lie.</summary>
    public GpuDevice Device => pool.Device;

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => memory.Read(destination[..(Rows * Width)]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            pool.Return(memory);
        }

        base.Dispose();
    }
}
