using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Gpu;
using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

public class NoGpuTests
{
    [Fact]
    public void Without_a_GPU_the_reason_is_said_and_auto_is_the_CPU()
    {
        Assert.SkipWhen(SharedGpu.WhyNone is null, "this machine has a GPU");
        Assert.StartsWith("no GPU", Assert.Throws<GpuException>(() => GpuBackend.Create()).Message);
        Assert.Equal(("cpu", SharedGpu.WhyNone), BackendRegistry.Resolve("auto"));
    }
}
