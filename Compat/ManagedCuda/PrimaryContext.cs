using ManagedCuda.BasicTypes;
using static ManagedCuda.DriverAPINativeMethods;

namespace ManagedCuda;

/// <summary>The context that all users of a device in this process share; not current anywhere before <see cref="CudaContext.SetCurrent"/>.</summary>
public sealed class PrimaryContext : CudaContext
{
    private bool _disposed;

    /// <summary>Takes the primary context of a device.</summary>
    /// <exception cref="CudaException">There is no such device, or it has no memory left for a context.</exception>
    public PrimaryContext(int deviceId)
        : base(deviceId)
    {
        CUcontext context = default;
        CudaException.Check(ContextManagement.cuDevicePrimaryCtxRetain(ref context, Device));
        Context = context;
    }

    /// <summary>Gives it back: with its last user, everything allocated in it is freed.</summary>
    public override void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            CudaException.Check(ContextManagement.cuDevicePrimaryCtxRelease(Device));
        }
    }
}
