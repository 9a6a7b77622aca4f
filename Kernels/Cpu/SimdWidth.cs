namespace QuaRot.Kernels.Cpu;

/// <summary>Vector width of the CPU backend, in bits. It changes the speed and no result.</summary>
public enum SimdWidth
{
    /// <summary>Portable 128-bit operations: any machine.</summary>
    Vector128 = 128,

    /// <summary>AVX2 and FMA.</summary>
    Vector256 = 256,

    /// <summary>AVX-512 (F, BW).</summary>
    Vector512 = 512,
}
