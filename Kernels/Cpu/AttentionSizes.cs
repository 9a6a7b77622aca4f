using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Cpu;

/// <summary>Sizes of what integer attention holds for a head, padded to whole vectors.</summary>
internal readonly struct AttentionSizes
{
    /// <summary>Bytes of a head are padded to a multiple of it.</summary>
    public const int Unit = 16;

    private const int Tile = KvLayout.PageSize;

    /// <summary>Bytes of the scratch memory are rounded up to it: a cache line.</summary>
    private const int Line = 64;

    public AttentionSizes(KvLayout layout)
    {
        (KeyStride, ValueStride) = (Stride(layout, layout.KeyBits), Stride(layout, layout.ValueBits));
        (KeysArePaired, ValuesArePaired) = (layout.KeyBits <= 4, layout.ValueBits <= 4);
        QueryBytes = KeysArePaired ? 2 * KeyStride : KeyStride;
        Outputs = ValuesArePaired ? 2 * ValueStride : ValueStride;
    }

    /// <summary>Bytes of the key codes of a head.</summary>
    public int KeyStride { get; }

    /// <summary>Bytes of the value codes of a head.</summary>
    public int ValueStride { get; }

    /// <summary>True where a byte holds two elements: even elements make the first half of a query or output, odd ones the second.</summary>
    public bool KeysArePaired { get; }

    /// <summary>Like <see cref="KeysArePaired"/>.</summary>
    public bool ValuesArePaired { get; }

    /// <summary>Codes of a query.</summary>
    public int QueryBytes { get; }

    /// <summary>Elements of an output.</summary>
    public int Outputs { get; }

    /// <summary>Bytes of an <see cref="AttentionScratch"/>.</summary>
    public long ScratchBytes(int pairs) => (2 * Tile * (KeyStride + ValueStride)) + (Tile * Math.Max(KeyStride, ValueStride))
        + (4 * Tile * sizeof(float)) + (2 * Tile * sizeof(int)) + (2 * Outputs * sizeof(int)) + (3 * Tile * sizeof(float)) + (2 * Tile)
        + ((long)pairs * (QueryBytes + AttentionScratch.NumbersOfPair * sizeof(float) + (2 * Outputs * sizeof(float)))) + (3 * Line);

    /// <summary>Rounds up to a cache line.</summary>
    public static long Align(long bytes) => (bytes + Line - 1) / Line * Line;

    private static int Stride(KvLayout layout, int bits) => (layout.HeadBytes(bits) + Unit - 1) / Unit * Unit;
}
