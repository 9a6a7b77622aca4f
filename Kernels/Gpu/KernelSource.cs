using System.Reflection;

namespace QuaRot.Kernels.Gpu;

/// <summary>A CUDA source that is shipped inside this assembly (Kernels/Cuda).</summary>
internal sealed record KernelSource(string Name, string Text)
{
    private const string Prefix = "Cuda/";

    private const string HopperOnly = "_sm90.cu";

    private static readonly KernelSource[] All = Read(".cu");

    /// <summary>What the sources include.</summary>
    public static IReadOnlyList<KernelSource> Headers { get; } = Read(".cuh");

    /// <summary>What is compiled for an architecture: one module each.</summary>
    public static IReadOnlyList<KernelSource> For(string architecture) => [.. All.Where(source =>
        architecture == GpuInfo.Hopper || !source.Name.EndsWith(HopperOnly, StringComparison.Ordinal))];

    private static KernelSource[] Read(string extension)
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(extension, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
                return new KernelSource(name[Prefix.Length..], reader.ReadToEnd());
            })];
    }
}
