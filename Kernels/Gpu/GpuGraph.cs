using ManagedCuda.BasicTypes;

namespace QuaRot.Kernels.Gpu;

/// <summary>Launches that are queued in one call; their arguments never change, so what they read and write lies at fixed addresses.</summary>
internal sealed class GpuGraph(GpuDevice device, CUgraphExec graph) : IDisposable
{
    private int _isFreed;

    /// <summary>Queues all of it.</summary>
    public void Launch() => device.Launch(graph);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isFreed, 1) == 0)
        {
            device.Free(graph);
        }
    }
}
