using System.Runtime.InteropServices;
using ManagedCuda;
using ManagedCuda.BasicTypes;
using ManagedCuda.NVRTC;
using QuaRot.Kernels.Gpu;
using Xunit;
using static ManagedCuda.DriverAPINativeMethods;

namespace QuaRot.Compat.ManagedCuda.Tests;

/// <summary>What Kernels/Gpu relies on, through the API that stand-in and package share.</summary>
[Trait("device", "gpu")]
public class DriverTests
{
    private const string Source = """extern "C" __global__ void add(const int* x, int amount, int* y) { y[threadIdx.x] = x[threadIdx.x] + amount; }""";

    [Fact]
    public void A_size_keeps_64_bits()
    {
        SizeT size = 1L << 40;
        Assert.Equal(1L << 40, (long)size);
        Assert.Equal(8, Marshal.SizeOf<CUdeviceptr>());
    }

    [Fact]
    public void Devices_are_counted_and_named()
    {
        RequireGpu();
        Assert.True(CudaContext.GetDeviceCount() > 0);
        Assert.NotEmpty(CudaContext.GetDeviceName(0));
        Assert.True(CudaContext.GetDeviceComputeCapability(0) >= new Version(5, 0));
        var version = 0;
        Assert.Equal(CUResult.Success, cuDriverGetVersion(ref version));
        Assert.True(version >= 12000);
        Assert.Throws<ArgumentOutOfRangeException>(() => CudaContext.GetDeviceName(1000));
    }

    [Fact]
    public void A_source_compiles_loads_and_runs_in_a_stream()
    {
        RequireGpu();
        using var context = CurrentContext();
        using var stream = new CudaStream(CUStreamFlags.NonBlocking);
        var module = context.LoadModulePTX(Compile(Source));
        CUfunction add = default;
        Assert.Equal(CUResult.Success, ModuleManagement.cuModuleGetFunction(ref add, module, "add"));
        CUfunction subtract = default;
        Assert.Equal(CUResult.ErrorNotFound, ModuleManagement.cuModuleGetFunction(ref subtract, module, "subtract"));
        CUdeviceptr x = default, y = default;
        Assert.Equal(CUResult.Success, MemoryManagement.cuMemAlloc_v2(ref x, 128L));
        Assert.Equal(CUResult.Success, MemoryManagement.cuMemAlloc_v2(ref y, 128L));
        int[] values = [.. Enumerable.Range(0, 32)];
        var pinned = GCHandle.Alloc(values, GCHandleType.Pinned);
        var arguments = GCHandle.Alloc(new ulong[] { x.Pointer, 5, y.Pointer }, GCHandleType.Pinned);
        var first = arguments.AddrOfPinnedObject();
        Assert.Equal(CUResult.Success, AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(x, pinned.AddrOfPinnedObject(), 128L, stream.Stream));
        Assert.Equal(CUResult.Success, Launch.cuLaunchKernel(add, 1, 1, 1, 32, 1, 1, 0, stream.Stream, [first, first + 8, first + 16], null!));
        Assert.Equal(CUResult.Success, AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(pinned.AddrOfPinnedObject(), y, 128L, stream.Stream));
        stream.Synchronize();
        Assert.Equal(Enumerable.Range(5, 32), values);
        Assert.Equal(CUResult.Success, MemoryManagement.cuMemFree_v2(x));
        Assert.Equal(CUResult.Success, MemoryManagement.cuMemFree_v2(y));
        context.UnloadModule(module);
        pinned.Free();
        arguments.Free();
    }

    [Fact]
    public void A_context_is_not_current_by_itself()
    {
        RequireGpu();
        var result = CUResult.Success;
        var thread = new Thread(() =>
        {
            using var context = new PrimaryContext(0);
            CUdeviceptr address = default;
            result = MemoryManagement.cuMemAlloc_v2(ref address, 128L);
        });
        thread.Start();
        thread.Join();
        Assert.Equal(CUResult.ErrorInvalidContext, result);
    }

    [Fact]
    public void Events_take_the_time_between_two_places_of_a_stream()
    {
        RequireGpu();
        using var context = CurrentContext();
        using var stream = new CudaStream(CUStreamFlags.NonBlocking);
        using CudaEvent start = new(), end = new();
        start.Record(stream.Stream);
        end.Record(stream.Stream);
        end.Synchronize();
        Assert.True(CudaEvent.ElapsedTime(start, end) >= 0);
    }

    [Fact]
    public void Memory_that_is_not_there_is_a_result_and_no_exception()
    {
        RequireGpu();
        using var context = CurrentContext();
        CUdeviceptr address = default;
        Assert.Equal(CUResult.ErrorOutOfMemory, MemoryManagement.cuMemAlloc_v2(ref address, 1L << 45));
        Assert.True((long)context.GetFreeDeviceMemorySize() <= (long)context.GetTotalDeviceMemorySize());
    }

    [Fact]
    public void A_source_that_does_not_compile_leaves_a_log()
    {
        RequireGpu();
        using var program = new CudaRuntimeCompiler("int x = nonsense;", "bad.cu", [], []);
        Assert.Equal(nvrtcResult.ErrorCompilation, Assert.Throws<NVRTCException>(() => program.Compile([])).NVRTCError);
        Assert.Contains("nonsense", program.GetLogAsString());
    }

    private static byte[] Compile(string source)
    {
        var capability = CudaContext.GetDeviceComputeCapability(0);
        using var program = new CudaRuntimeCompiler("#include \"empty.cuh\"\n" + source, "add.cu", ["#pragma once"], ["empty.cuh"]);
        program.Compile([$"--gpu-architecture=sm_{capability.Major}{capability.Minor}"]);
        return program.GetCubin();
    }

    // The package's constructor does not make it current either.
    private static PrimaryContext CurrentContext()
    {
        var context = new PrimaryContext(0);
        context.SetCurrent();
        return context;
    }

    private static void RequireGpu()
    {
        CudaLibraries.Register();
        try
        {
            _ = CudaContext.GetDeviceCount();
        }
        catch (Exception e) when (e is DllNotFoundException or CudaException)
        {
            // No driver, or a driver without a GPU: there is nothing to test here.
            Assert.Skip($"needs a GPU: {e.GetType().Name}");
        }
    }
}
