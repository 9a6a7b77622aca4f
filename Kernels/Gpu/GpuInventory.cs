using ManagedCuda;
using ManagedCuda.BasicTypes;
using ManagedCuda.NVRTC;

namespace QuaRot.Kernels.Gpu;

/// <summary>What this machine has for the GPU backend.</summary>
public static class GpuInventory
{
    /// <summary>INT8 tensor cores with m16n8k32 and warp-wide integer sums came with it.</summary>
    private static readonly Version OldestCapability = new(8, 0);

    private static readonly Version OldestCompiler = new(12, 0);

    // All that calls the driver or the compiler asks here first.
    static GpuInventory() => CudaLibraries.Register();

    /// <summary>All GPUs, those that are too old included.</summary>
    /// <exception cref="GpuException">There is no driver, or it finds no GPU; says which.</exception>
    public static IReadOnlyList<GpuInfo> Find()
    {
        try
        {
            return [.. Enumerable.Range(0, CudaContext.GetDeviceCount()).Select(ordinal =>
                new GpuInfo(ordinal, CudaContext.GetDeviceName(ordinal), CudaContext.GetDeviceComputeCapability(ordinal)))];
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new GpuException("no GPU: there is no NVIDIA driver (libcuda.so.1) on this machine", e);
        }
        catch (CudaException e)
        {
            throw new GpuException($"no GPU: the NVIDIA driver says {e.Message}", e);
        }
    }

    /// <summary>Name and version of the library that calls driver and compiler: ManagedCuda or its stand-in.</summary>
    public static string Wrapper
    {
        get
        {
            var name = typeof(CudaContext).Assembly.GetName();
            return $"{name.Name} {name.Version?.ToString(3)}";
        }
    }

    /// <summary>The CUDA version that the driver supports.</summary>
    /// <exception cref="GpuException">The driver does not say.</exception>
    public static Version DriverVersion()
    {
        // 1000·major + 10·minor; the package's own reading of it takes 12.8 for 12.80.
        var version = 0;
        var result = DriverAPINativeMethods.cuDriverGetVersion(ref version);
        return result == CUResult.Success
            ? new Version(version / 1000, version % 1000 / 10)
            : throw new GpuException($"the NVIDIA driver does not tell its version: {result}");
    }

    /// <summary>Version of the run-time compiler.</summary>
    /// <exception cref="GpuException">There is none, or it is too old.</exception>
    public static Version CompilerVersion()
    {
        try
        {
            var version = CudaRuntimeCompiler.GetVersion();
            return version >= OldestCompiler
                ? version
                : throw new GpuException($"no GPU kernels: NVRTC {version} is too old, {OldestCompiler} or later is needed");
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new GpuException("no GPU kernels: there is no libnvrtc.so.13 or .12 here; install CUDA's NVRTC, "
                + "or name the file in the environment variable QUAROT_NVRTC", e);
        }
    }

    /// <summary>The GPU of that number.</summary>
    /// <exception cref="GpuException">There is none, it is too old, or the compiler is missing.</exception>
    public static GpuInfo Require(int ordinal)
    {
        var all = Find();
        if (ordinal < 0 || ordinal >= all.Count)
        {
            throw new GpuException($"no GPU {ordinal}: this machine has {all.Count}");
        }

        CompilerVersion();
        return all[ordinal].ComputeCapability >= OldestCapability
            ? all[ordinal]
            : throw new GpuException($"{all[ordinal]} has compute capability {all[ordinal].ComputeCapability}; "
                + $"{OldestCapability} (Ampere) or later is needed");
    }

    /// <summary>Why the GPU backend cannot run here; null where it can.</summary>
    public static string? WhyNone()
    {
        try
        {
            Require(0);
            return null;
        }
        catch (GpuException e)
        {
            // The question was why, and this is the answer.
            return e.Message;
        }
    }
}
