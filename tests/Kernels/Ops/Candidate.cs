namespace QuaRot.Kernels.Tests.Ops;

/// <summary>A backend that must give the reference's bits: the CPU at one of its vector widths, or a GPU.</summary>
public enum Candidate
{
    /// <summary>The portable CPU kernels.</summary>
    Cpu128,

    /// <summary>AVX2.</summary>
    Cpu256,

    /// <summary>AVX-512.</summary>
    Cpu512,

    /// <summary>The first GPU; skipped where there is none.</summary>
    Gpu,
}
