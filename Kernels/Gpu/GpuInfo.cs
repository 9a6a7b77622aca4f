namespace QuaRot.Kernels.Gpu;

/// <summary>A GPU of this machine.</summary>
/// <param name="Ordinal">Its number, from 0.</param>
/// <param name="Name">What the driver calls it.</param>
/// <param name="ComputeCapability">For example 9.0.</param>
public sealed record GpuInfo(int Ordinal, string Name, Version ComputeCapability)
{
    /// <summary>Hopper, with the instructions that no other has.</summary>
    internal const string Hopper = "sm_90a";

    /// <summary>The machine code that its kernels are compiled to. Hopper's own instructions (wgmma) need the variant with an a.</summary>
    internal string Architecture =>
        $"sm_{ComputeCapability.Major}{ComputeCapability.Minor}{(ComputeCapability == new Version(9, 0) ? "a" : "")}";

    /// <summary>Unique in the process: "gpu 1".</summary>
    public string DeviceName => $"gpu {Ordinal}";

    /// <inheritdoc/>
    public override string ToString() => $"GPU {Ordinal} ({Name})";
}
