using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Backends;

/// <summary>The backends by the names that users give them.</summary>
public static class BackendRegistry
{
    /// <summary>All names; <c>auto</c> is the GPU where there is a usable one, else the CPU.</summary>
    public static IReadOnlyList<string> Names { get; } = ["cpu", "gpu", "auto", "reference"];

    /// <summary>What <c>auto</c> stands for on this machine, and why it is not the GPU; any other name stands for itself.</summary>
    public static (string Name, string? WhyNotGpu) Resolve(string name)
    {
        if (name != "auto")
        {
            return (name, null);
        }

        var why = GpuInventory.WhyNone();
        return (why is null ? "gpu" : "cpu", why);
    }

    /// <summary>Devices that a name stands for on this machine: its GPUs, or one.</summary>
    public static int DeviceCount(string name) => Resolve(name).Name == "gpu" ? GpuInventory.Find().Count : 1;

    /// <summary>Makes a backend.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="device">Which of several GPUs, from 0.</param>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    /// <exception cref="GpuException">A GPU was asked for and cannot be had; says why.</exception>
    public static Backend Create(string name, int device = 0) => Resolve(name).Name switch
    {
        "reference" => new ReferenceBackend(),
        "cpu" => CpuBackend.Create(),
        "gpu" => GpuBackend.Create(device),
        _ => throw new ArgumentException($"device: there is no '{name}'; there are {string.Join(", ", Names)}"),
    };
}
