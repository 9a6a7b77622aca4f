using ManagedCuda;

namespace QuaRot.Kernels.Gpu;

/// <summary>A place in the work of one GPU that another GPU's work can wait for, while the host goes on. Waited for at most once.</summary>
internal sealed class GpuMark
{
    private readonly ManualResetEventSlim _placed = new();
    private CudaEvent? _event;

    /// <summary>Says where it is; null on a GPU that has failed.</summary>
    public void Place(CudaEvent? place)
    {
        _event = place;
        _placed.Set();
    }

    /// <summary>Waits until the mark stands in its GPU's queue, not until the GPU gets there; the event becomes the caller's. Null where there is none.</summary>
    public CudaEvent? Take()
    {
        _placed.Wait();
        return Interlocked.Exchange(ref _event, null);
    }
}
