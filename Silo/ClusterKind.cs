using System.Reflection;

namespace QuaRot.Silo;

/// <summary>Tells which implementation of Orleans runs: the real one, or the stand-in that holds a cluster within one process.</summary>
public static class ClusterKind
{
    /// <summary>True when the stand-in runs.</summary>
    public static bool IsStandIn { get; } = typeof(IGrain).Assembly.GetName().Name!.StartsWith("QuaRot.Compat", StringComparison.Ordinal);

    /// <summary>A line for the start-up log.</summary>
    public static string Description { get; } = IsStandIn
        ? "the in-process stand-in for Orleans (this process only)"
        : $"Microsoft Orleans {typeof(IGrain).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+', ' ')[0].TrimEnd('.')}";
}
