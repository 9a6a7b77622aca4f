using ManagedCuda.BasicTypes;
using static ManagedCuda.DriverAPINativeMethods;

namespace ManagedCuda;

/// <summary>A mark in a stream, with its time.</summary>
public sealed class CudaEvent : IDisposable
{
    private bool _disposed;

    /// <summary>Makes an event in the current context.</summary>
    public CudaEvent()
    {
        CUevent made = default;
        CudaException.Check(Events.cuEventCreate(ref made, 0));
        Event = made;
    }

    /// <summary>The driver's handle.</summary>
    public CUevent Event { get; }

    /// <summary>Milliseconds between two events that have passed.</summary>
    public static float ElapsedTime(CudaEvent eventStart, CudaEvent eventEnd)
    {
        var milliseconds = 0f;
        CudaException.Check(Events.cuEventElapsedTime(ref milliseconds, eventStart.Event, eventEnd.Event));
        return milliseconds;
    }

    /// <summary>Marks the present end of a stream.</summary>
    public void Record(CUstream stream) => CudaException.Check(Events.cuEventRecord(Event, stream));

    /// <summary>Waits until the stream has passed the mark.</summary>
    public void Synchronize() => CudaException.Check(Events.cuEventSynchronize(Event));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            // As in the package: an event of a lost context cannot be destroyed, and nobody can do anything about it.
            _disposed = true;
            _ = Events.cuEventDestroy_v2(Event);
        }
    }
}
