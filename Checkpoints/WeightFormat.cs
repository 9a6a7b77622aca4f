namespace QuaRot.Checkpoints;

/// <summary>How the elements of a weight matrix lie in memory and on disk. Explicit and append-only.</summary>
public enum WeightFormat : byte
{
    /// <summary>IEEE single, little endian.</summary>
    Float32 = 0,

    /// <summary>IEEE half, little endian.</summary>
    Float16 = 1,

    /// <summary>One two's complement byte per weight (bits 5 to 8).</summary>
    Int8 = 2,

    /// <summary>Two weights a byte, row-major, low nibble = even k, two's complement (bits 2 to 4).</summary>
    Int4 = 3,

    /// <summary>The upper half of an IEEE single, little endian; in source checkpoints alone.</summary>
    BFloat16 = 4,
}
