using System.Text;
using ManagedCuda.BasicTypes;
using static ManagedCuda.DriverAPINativeMethods;

namespace ManagedCuda;

/// <summary>A context on one device, and what there is to know of devices. Made by <see cref="PrimaryContext"/>.</summary>
public abstract class CudaContext : IDisposable
{
    private protected CudaContext(int deviceId)
    {
        DeviceId = deviceId;
        Device = GetCUdevice(deviceId);
    }

    /// <summary>Ordinal of the device.</summary>
    public int DeviceId { get; }

    /// <summary>The device.</summary>
    public CUdevice Device { get; }

    /// <summary>The driver's handle.</summary>
    public CUcontext Context { get; private protected set; }

    /// <summary>Number of devices.</summary>
    /// <exception cref="CudaException">There is no device, or the driver cannot start.</exception>
    /// <exception cref="DllNotFoundException">There is no driver.</exception>
    public static int GetDeviceCount()
    {
        var count = 0;
        CudaException.Check(cuInit(CUInitializationFlags.None));
        CudaException.Check(DeviceManagement.cuDeviceGetCount(ref count));
        return count;
    }

    /// <summary>Name of a device.</summary>
    public static string GetDeviceName(int deviceID)
    {
        var name = new byte[256];
        CudaException.Check(DeviceManagement.cuDeviceGetName(name, name.Length, GetCUdevice(deviceID)));
        return Encoding.ASCII.GetString(name, 0, Array.IndexOf(name, (byte)0));
    }

    /// <summary>Compute capability of a device.</summary>
    public static Version GetDeviceComputeCapability(int deviceID)
    {
        var (major, minor) = (0, 0);
        var device = GetCUdevice(deviceID);
        CudaException.Check(DeviceManagement.cuDeviceGetAttribute(ref major, CUDeviceAttribute.ComputeCapabilityMajor, device));
        CudaException.Check(DeviceManagement.cuDeviceGetAttribute(ref minor, CUDeviceAttribute.ComputeCapabilityMinor, device));
        return new Version(major, minor);
    }

    /// <summary>Handle of a device.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none of that ordinal.</exception>
    public static CUdevice GetCUdevice(int deviceId)
    {
        CUdevice device = default;
        ArgumentOutOfRangeException.ThrowIfNegative(deviceId);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(deviceId, GetDeviceCount());
        CudaException.Check(DeviceManagement.cuDeviceGet(ref device, deviceId));
        return device;
    }

    /// <summary>Makes this context current on the calling thread.</summary>
    public void SetCurrent() => CudaException.Check(ContextManagement.cuCtxSetCurrent(Context));

    /// <summary>Sets a limit of this context, which must be current.</summary>
    public void SetLimit(CULimit limit, SizeT value) => CudaException.Check(Limits.cuCtxSetLimit(limit, value));

    /// <summary>Waits for all work; failures of earlier kernels come out here.</summary>
    public void Synchronize() => CudaException.Check(ContextManagement.cuCtxSynchronize());

    /// <summary>Bytes of the device.</summary>
    public SizeT GetTotalDeviceMemorySize() => MemoryInfo().Total;

    /// <summary>Free bytes of the device.</summary>
    public SizeT GetFreeDeviceMemorySize() => MemoryInfo().Free;

    /// <summary>Loads a cubin, or zero-terminated PTX.</summary>
    public CUmodule LoadModulePTX(byte[] moduleImage)
    {
        CUmodule module = default;
        CudaException.Check(ModuleManagement.cuModuleLoadData(ref module, moduleImage));
        return module;
    }

    /// <summary>Unloads a module.</summary>
    public void UnloadModule(CUmodule aModule) => CudaException.Check(ModuleManagement.cuModuleUnload(aModule));

    /// <inheritdoc/>
    public abstract void Dispose();

    private static (SizeT Free, SizeT Total) MemoryInfo()
    {
        SizeT free = 0L, total = 0L;
        CudaException.Check(MemoryManagement.cuMemGetInfo_v2(ref free, ref total));
        return (free, total);
    }
}
