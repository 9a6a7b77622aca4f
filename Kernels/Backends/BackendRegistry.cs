using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Backends;

/// <summary>The backends by the names that users give them.</summary>
public static class BackendRegistry
{
    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["cpu", "reference"];

    /// <summary>Makes a backend.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    public static Backend Create(string name) => name switch
    {
        "reference" => new ReferenceBackend(),
        "cpu" => CpuBackend.Create(),
        _ => throw new ArgumentException($"backend: there is no '{name}'; there are {string.Join(" and ", Names)}"),
    };
}
