using QuaRot.Kernels.Gpu;

namespace QuaRot.Cluster.Tests.Cli;

public sealed class DoctorCommandTests
{
    [Fact]
    public async Task Says_whether_this_machines_GPUs_can_serve()
    {
        var (code, output, error) = await QuarotProcess.Run("doctor");
        if (GpuInventory.WhyNone() is { } why)
        {
            Assert.Equal((1, $"quarot: {why}\n"), (code, error));
        }
        else
        {
            Assert.Equal((0, ""), (code, error));
            Assert.EndsWith("All holds.\n", output);
        }
    }

    [Theory]
    [InlineData("eval", "--text", "README.md", "--device")]
    [InlineData("serve", "--port", "0", "--device")]
    public async Task An_unknown_device_is_refused_with_those_there_are(string command, params string[] options)
    {
        var (code, _, error) = await QuarotProcess.Run([command, "assets/lexi-21m", .. options, "tpu"]);
        Assert.Equal((1, "quarot: --device: there is no 'tpu'; there are cpu, gpu, auto, reference\n"), (code, error));
    }
}
