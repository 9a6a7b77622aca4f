using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Backends;

/// <summary>Shape of a stage's slice of the paged KV cache, and where each element lies in a page.</summary>
/// <remarks>
/// A page is one run of bytes: layer by layer, in each layer K then V, and in each of them
/// codes [kv_heads][64][head bytes], then at 3 to 8 bits scale [kv_heads][64] and min [kv_heads][64] in FP16. Page ids are the same on
/// every stage.
/// </remarks>
public sealed record KvLayout
{
    /// <summary>Positions in a page: the tile of attention, so that a tile never straddles two pages.</summary>
    public const int PageSize = 64;

    /// <summary>Tiles of attention whose states are merged among themselves first: 512 positions.</summary>
    public const int TilesOfSpan = 8;

    /// <summary>Number of pages.</summary>
    public required int PageCount { get; init; }

    /// <summary>Layers of the stage.</summary>
    public required int Layers { get; init; }

    /// <summary>Key/value heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Elements of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Key bits: 3 to 8, 16 (FP16) or 32 (float, for unquantized checkpoints).</summary>
    public required int KeyBits { get; init; }

    /// <summary>Value bits, like <see cref="KeyBits"/>.</summary>
    public required int ValueBits { get; init; }

    /// <summary>Ratio by which the range of a head is clipped before quantization.</summary>
    public required float Clip { get; init; }

    /// <summary>True where keys and values are codes, so that attention is a sum of integers.</summary>
    public bool IsInteger => KeyBits <= 8 && ValueBits <= 8;

    /// <summary>Bytes of all layers in one page.</summary>
    public long PageBytes => (long)Layers * LayerBytes;

    /// <summary>Bytes of the whole cache.</summary>
    public long TotalBytes => PageCount * PageBytes;

    /// <summary>Bytes of K and V of one position in one layer, as <c>CopyKvBytes</c> returns them.</summary>
    public int SlotBytes => LayerBytes / PageSize;

    private int LayerBytes => PlaneBytes(KeyBits) + PlaneBytes(ValueBits);

    /// <summary>Pages that hold so many positions.</summary>
    public static int PagesFor(int positions) => (positions + PageSize - 1) / PageSize;

    /// <summary>Layout for the layers <paramref name="range"/> of a model.</summary>
    /// <exception cref="ArgumentException">Bits other than 3 to 8, 16 or 32, or no page.</exception>
    public static KvLayout For(ModelConfig config, LayerRange range, int pageCount)
    {
        var quantization = config.Quantization;
        var layout = new KvLayout
        {
            PageCount = pageCount,
            Layers = range.Count,
            KvHeads = config.NumKvHeads,
            HeadDim = config.HeadDim,
            KeyBits = quantization?.KeyBits ?? 32,
            ValueBits = quantization?.ValueBits ?? 32,
            Clip = quantization?.KvClip ?? 1f,
        };
        layout.Require();
        return layout;
    }

    /// <summary>Checks sizes and bits.</summary>
    /// <exception cref="ArgumentException">A size or a number of bits is not supported; names it.</exception>
    public void Require()
    {
        foreach (var bits in (ReadOnlySpan<int>)[KeyBits, ValueBits])
        {
            if (bits is not ((>= 3 and <= 8) or 16 or 32))
            {
                throw new ArgumentException($"a KV cache of {bits} bits: supported are 3 to 8, 16 and 32");
            }
        }

        if (PageCount < 1 || Layers < 1 || KvHeads < 1 || HeadDim < 2 || HeadDim % 2 != 0)
        {
            throw new ArgumentException($"a KV cache of {PageCount} pages, {Layers} layers, {KvHeads} heads of {HeadDim} elements: "
                + "all must be positive, and the head even");
        }
    }

    /// <summary>Bytes of the elements of one head at one position.</summary>
    public int HeadBytes(int bits) => bits <= 4 ? HeadDim / 2 : bits <= 8 ? HeadDim : HeadDim * bits / 8;

    /// <summary>Bytes from the start of a page to the K (or V) plane of a layer of this stage.</summary>
    public long PlaneOffset(int layer, bool value) => ((long)layer * LayerBytes) + (value ? PlaneBytes(KeyBits) : 0);

    /// <summary>Bytes from the start of a plane to the elements of a head at a slot.</summary>
    public int CodeOffset(int bits, int head, int slot) => ((head * PageSize) + slot) * HeadBytes(bits);

    /// <summary>Bytes from the start of a plane to the FP16 scale of a head at a slot.</summary>
    public int ScaleOffset(int bits, int head, int slot) =>
        (KvHeads * PageSize * HeadBytes(bits)) + (2 * ((head * PageSize) + slot));

    /// <summary>Bytes from the start of a plane to the FP16 minimum of a head at a slot.</summary>
    public int MinOffset(int bits, int head, int slot) => ScaleOffset(bits, KvHeads + head, slot);

    /// <summary>Bytes of the K or V plane of one layer in one page.</summary>
    public int PlaneBytes(int bits) => KvHeads * PageSize * (HeadBytes(bits) + (bits <= 8 ? 4 : 0));
}
