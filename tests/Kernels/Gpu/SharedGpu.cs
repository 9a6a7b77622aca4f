using QuaRot.Kernels.Gpu;
using Xunit;

namespace QuaRot.Kernels.Tests;

/// <summary>The GPU that tests share: taking one compiles and loads every kernel.</summary>
internal static class SharedGpu
{
    private static readonly Lazy<GpuBackend> Shared = new(() => GpuBackend.Create());

    /// <summary>Why tests on a GPU cannot run here; null where they can.</summary>
    public static string? WhyNone { get; } = GpuInventory.WhyNone();

    /// <summary>The shared backend, which nobody disposes; the test is skipped, with the reason, where there is no GPU.</summary>
    public static GpuBackend Require()
    {
        RequireDevice();
        return Shared.Value;
    }

    /// <summary>Skips the test where there is no GPU.</summary>
    public static void RequireDevice() => Assert.SkipWhen(WhyNone is not null, $"needs a GPU: {WhyNone}");
}
