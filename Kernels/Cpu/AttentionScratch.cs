using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Cpu;

/// <summary>Memory of integer attention for one block of rows and one key/value head: the tile, and the (row, query head) pairs.</summary>
internal readonly unsafe struct AttentionScratch
{
    /// <summary>Floats of a pair beside its query and outputs: factor and sum of the query, then maximum and sum of span and all spans.</summary>
    public const int NumbersOfPair = 6;

    private const int Tile = KvLayout.PageSize;

    private readonly byte* _queries;
    private readonly float* _numbers;
    private readonly float* _outputs;

    public AttentionScratch(byte* memory, AttentionSizes sizes, int pairs)
    {
        Sizes = sizes;
        Keys = memory;
        Values = Keys + (2 * Tile * sizes.KeyStride);
        Padding = Values + (2 * Tile * sizes.ValueStride);
        KeyScales = (float*)(Padding + (Tile * Math.Max(sizes.KeyStride, sizes.ValueStride)));
        Exponentials = KeyScales + (4 * Tile);
        Scores = (int*)(Exponentials + (3 * Tile));
        Outputs = Scores + (2 * Tile);
        Weights = (byte*)(Outputs + (2 * sizes.Outputs));
        _queries = Weights + (2 * Tile);
        _numbers = (float*)(_queries + AttentionSizes.Align((long)pairs * sizes.QueryBytes));
        _outputs = (float*)((byte*)_numbers + AttentionSizes.Align((long)pairs * NumbersOfPair * sizeof(float)));
        KeyShape = new(Keys, Tile * sizes.KeyStride, 16 * sizes.KeyStride, planes: 2, sizes.KeysArePaired ? 1 : 16,
            sizes.KeysArePaired ? sizes.KeyStride : 0);
        ValueShape = new(Values, Tile * sizes.ValueStride, 16 * Tile, sizes.ValuesArePaired ? 1 : 2, 16, 0);
    }

    /// <summary>Sizes of its parts.</summary>
    public AttentionSizes Sizes { get; }

    /// <summary>Codes of the tile as <see cref="CodeTile{T}"/> lays them out.</summary>
    public byte* Keys { get; }

    /// <summary>Like <see cref="Keys"/>.</summary>
    public byte* Values { get; }

    /// <summary>[64, stride]</summary>
    public byte* Padding { get; }

    /// <summary>[64]; then the same of the next three.</summary>
    public float* KeyScales { get; }

    public float* KeyMinima => KeyScales + Tile;

    public float* ValueScales => KeyScales + (2 * Tile);

    public float* ValueMinima => KeyScales + (3 * Tile);

    /// <summary>[3][64]: p, p times scale, p times minimum.</summary>
    public float* Exponentials { get; }

    /// <summary>[2][64]: integer scores of two pairs.</summary>
    public int* Scores { get; }

    /// <summary>[2][outputs]: integer outputs of two pairs.</summary>
    public int* Outputs { get; }

    /// <summary>[2][64]: weights of two pairs.</summary>
    public byte* Weights { get; }

    /// <summary>How scores are formed.</summary>
    public NibbleShape KeyShape { get; }

    /// <summary>How outputs are formed.</summary>
    public NibbleShape ValueShape { get; }

    /// <summary>Codes of a pair's query.</summary>
    public byte* Query(int pair) => _queries + ((long)pair * Sizes.QueryBytes);

    /// <summary>[6] of a pair.</summary>
    public float* Numbers(int pair) => _numbers + (pair * NumbersOfPair);

    /// <summary>Output of a pair: of the span, then of all spans before it.</summary>
    public float* SpanOutput(int pair) => _outputs + ((long)pair * 2 * Sizes.Outputs);
}
