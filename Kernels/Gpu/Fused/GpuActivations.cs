namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Activations on a GPU, in a buffer of a pool.</summary>
internal sealed class GpuActivations(ActivationPool pool, DeviceMemory memory, int rows, int width) : Activations(rows, width)
{
    private int _isDisposed;

    /// <summary>The elements.</summary>
    public DeviceMemory Memory => memory;

    /// <summary>Where they lie.</summary>
    public GpuDevice Device => pool.Device;

    /// <summary>Where they are written; null on a machine with one GPU.</summary>
    public GpuMark? Written { get; init; }

    /// <summary>Where another GPU has copied them; null where none has.</summary>
    public GpuMark? Copied { get; set; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => memory.Read(destination[..(Rows * Width)]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            if (Written is not null && Copied is null)
            {
                Device.Forget(Written);
            }

            pool.Return(memory, Copied);
        }

        base.Dispose();
    }
}
