using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Gpu;
using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

[Trait("device", "gpu")]
[Collection(nameof(AloneOnTheGpu))]
public class GpuDeviceTests
{
    [Fact]
    public void With_a_GPU_auto_is_the_GPU()
    {
        SharedGpu.RequireDevice();
        Assert.Equal(("gpu", null), BackendRegistry.Resolve("auto"));
    }

    [Fact]
    public void The_drivers_version_is_read_as_CUDA_counts()
    {
        SharedGpu.RequireDevice();
        Assert.InRange(GpuInventory.DriverVersion().Minor, 0, 9);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_sizes_and_the_GPU_goes_on()
    {
        var gpu = SharedGpu.Require();
        var error = Assert.Throws<GpuException>(() => gpu.AllocateFloats(1L << 40));
        Assert.Contains("a buffer of 1099511627776 floats takes 4194304.0 MiB, but only ", error.Message);
        using var x = gpu.Upload([1f, 2f]);
        var back = new float[2];
        x.CopyTo(back);
        Assert.Equal([1f, 2f], back);
    }

    [Fact]
    public void Disposed_memory_is_free_again_and_refuses_use()
    {
        var gpu = SharedGpu.Require();
        var before = gpu.Memory.Free;
        var x = gpu.AllocateFloats(1L << 28);
        Assert.True(gpu.Memory.Free <= before - (1L << 30), "the allocation does not show");
        x.Dispose();
        Assert.True(gpu.Memory.Free > before - (1L << 29), "the memory is not free again");
        Assert.Throws<ObjectDisposedException>(() => x.CopyFrom([1f]));
    }

    [Fact]
    public void A_failed_launch_is_kept_and_thrown_to_whoever_calls_next()
    {
        SharedGpu.RequireDevice();
        using var device = new GpuDevice(0, KernelCache.OpenDefault());
        device.Launch("rms_norm", new LaunchGrid(1, 1, 1, 4096), 0, 0L, 0L, 0L, 0f, 0L, 0);
        Assert.Contains("launching rms_norm failed", Assert.Throws<GpuException>(() => device.Memory()).Message);
        Assert.Throws<GpuException>(() => device.Allocate(1, "anything"));
    }

    [Fact]
    public void Bad_shapes_are_refused_before_anything_is_launched()
    {
        var gpu = SharedGpu.Require();
        using var x = gpu.Upload(new float[10]);
        var error = Assert.Throws<ArgumentException>(() => gpu.RmsNorm(x, null, null, 1e-5f, x, 2, 6));
        Assert.Equal("[2, 6] does not fit a buffer of 10 floats", error.Message);
    }

    [Fact]
    public void Every_check_of_the_doctor_holds()
    {
        var gpu = SharedGpu.Require();
        Assert.All(KernelCheck.All, check => Assert.Null(check.Run(gpu)));
    }

    [Fact]
    public void A_source_that_does_not_compile_is_named_with_the_compilers_words()
    {
        SharedGpu.RequireDevice();
        var compiler = new KernelCompiler("sm_80", cache: null);
        var error = Assert.Throws<AggregateException>(() => compiler.CompileAll([new KernelSource("bad.cu", "int x = nonsense;")]));
        Assert.StartsWith("bad.cu does not compile for sm_80", Assert.IsType<GpuException>(error.InnerException).Message);
        Assert.Contains("nonsense", error.InnerException!.Message);
    }
}
