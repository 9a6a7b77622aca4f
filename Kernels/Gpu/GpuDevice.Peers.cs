using ManagedCuda;

namespace QuaRot.Kernels.Gpu;

/// <summary>How the GPUs of a process wait for each other without the host.</summary>
internal sealed partial class GpuDevice
{
    /// <summary>True where the machine has other GPUs.</summary>
    public bool HasPeers { get; }

    /// <summary>Marks the end of what was queued so far.</summary>
    public GpuMark Mark()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        var mark = new GpuMark();
        // Also on a GPU that has failed: nobody may wait for a mark that never comes.
        _queue.Add(() =>
        {
            CudaEvent? place = null;
            try
            {
                if (_failure is null)
                {
                    place = new CudaEvent();
                    place.Record(_stream!.Stream);
                }
            }
            finally
            {
                mark.Place(place);
            }
        });
        return mark;
    }

    /// <summary>What is queued from here on waits for another GPU's mark.</summary>
    /// <exception cref="GpuException">By way of the calls that follow: that GPU has failed.</exception>
    public void After(GpuMark mark) => Enqueue(() =>
    {
        using var place = mark.Take() ?? throw new GpuException($"{Info}: the GPU whose work it needs has failed");
        _stream!.WaitEvent(place.Event);
    });

    /// <summary>Frees a mark of this GPU that nobody waits for.</summary>
    public void Forget(GpuMark mark)
    {
        if (Volatile.Read(ref _disposed) == 0)
        {
            _queue.Add(() => mark.Take()?.Dispose());
        }
    }
}
