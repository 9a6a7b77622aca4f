using ManagedCuda.BasicTypes;
using static ManagedCuda.DriverAPINativeMethods;

namespace ManagedCuda;

/// <summary>A queue of device work.</summary>
public sealed class CudaStream : IDisposable
{
    private bool _disposed;

    /// <summary>Makes a stream in the current context.</summary>
    public CudaStream(CUStreamFlags flags)
    {
        CUstream stream = default;
        CudaException.Check(Streams.cuStreamCreate(ref stream, flags));
        Stream = stream;
    }

    /// <summary>The driver's handle.</summary>
    public CUstream Stream { get; }

    /// <summary>What it is given from here on waits for an event of any stream.</summary>
    public void WaitEvent(CUevent cuevent) => CudaException.Check(Streams.cuStreamWaitEvent(Stream, cuevent, 0));

    /// <summary>Waits for all its work; failures of earlier kernels come out here.</summary>
    public void Synchronize() => CudaException.Check(Streams.cuStreamSynchronize(Stream));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            // As in the package: a stream of a lost context cannot be destroyed, and nobody can do anything about it.
            _disposed = true;
            _ = Streams.cuStreamDestroy_v2(Stream);
        }
    }
}
