using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>flash_prefill and flash_decode where keys and values are codes: one block of rows against one key/value head, tile by tile.</summary>
/// <remarks>
/// The codes of a tile are laid out once for all (row, query head) pairs of the block; two pairs at a time then go through the same steps
/// as if each were alone: integer scores, softmax of the tile, integer values, merge.
/// </remarks>
internal readonly unsafe struct IntegerAttention<T, TBytes> : IWork
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private const int Tile = KvLayout.PageSize;
    private const int Lanes = ILanes<T>.Count;

    private readonly WorkerPool _workers;
    private readonly HostKvCache _cache;
    private readonly KvLayout _layout;
    private readonly ForwardBatch _batch;
    private readonly List<AttentionBlock> _blocks;
    private readonly AttentionSizes _sizes;
    private readonly float* _q;
    private readonly float* _o;
    private readonly int _layer;
    private readonly int _heads;
    private readonly int _group;

    /// <param name="workers">Gives the scratch memory.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="layer">Layer of this stage.</param>
    /// <param name="batch">Positions and block tables.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="q">[rows, heads, head_dim]</param>
    /// <param name="o">[rows, heads, head_dim]</param>
    public IntegerAttention(WorkerPool workers, HostKvCache cache, int layer, ForwardBatch batch, int heads, float* q, float* o)
    {
        (_workers, _cache, _layer, _batch, _heads) = (workers, cache, layer, batch, heads);
        _q = q;
        _o = o;
        (_layout, _group) = (cache.Layout, heads / cache.Layout.KvHeads);
        _blocks = AttentionBlock.Cut(batch, _group);
        _sizes = new AttentionSizes(_layout);
    }

    /// <summary>Items of the loop: the blocks with the most to do come first, so that none of them is left for the end.</summary>
    public int Items => _blocks.Count * _layout.KvHeads;

    public void Run(int item, int worker)
    {
        var block = _blocks[_blocks.Count - 1 - (item / _layout.KvHeads)];
        var pairs = block.Rows * _group;
        Run(block, item % _layout.KvHeads, new AttentionScratch(_workers.Scratch(worker, _sizes.ScratchBytes(pairs)), _sizes, pairs));
    }

    private void Run(AttentionBlock block, int kvHead, in AttentionScratch scratch)
    {
        var pairs = block.Rows * _group;
        for (var pair = 0; pair < pairs; pair++)
        {
            QueryCodes<T>.Quantize(_q + HeadOffset(block, kvHead, pair), _layout.HeadDim, scratch, pair);
        }

        var table = _batch.BlockTables[_batch.SequenceOfRow[block.FirstRow]];
        var last = _batch.Positions[block.FirstRow + block.Rows - 1];
        for (var tile = 0; tile <= last / Tile; tile++)
        {
            var filled = Math.Min(Tile, last + 1 - (tile * Tile));
            Load(table[tile], kvHead, filled, scratch);
            var pair = FirstPair(block, tile * Tile);
            if (tile > 0 && tile % KvLayout.TilesOfSpan == 0)
            {
                AttentionStates<T>.EndSpan(scratch, pair, pairs, isFirst: tile == KvLayout.TilesOfSpan);
            }

            for (; pair < pairs; pair += 2)
            {
                TwoPairs(block, tile, pair, Math.Min(pair + 1, pairs - 1), scratch);
            }
        }

        for (var pair = 0; pair < pairs; pair++)
        {
            var hasSpans = _batch.Positions[block.FirstRow + (pair / _group)] / Tile >= KvLayout.TilesOfSpan;
            AttentionStates<T>.Finish(scratch, pair, hasSpans, _o + HeadOffset(block, kvHead, pair), _layout.HeadDim);
        }
    }

    private void Load(int page, int kvHead, int filled, in AttentionScratch scratch)
    {
        byte* keys = _cache.Plane(_layer, page, value: false), values = _cache.Plane(_layer, page, value: true);
        var (keyBits, valueBits) = (_layout.KeyBits, _layout.ValueBits);
        CodeTile<TBytes>.LoadKeys(keys + _layout.CodeOffset(keyBits, kvHead, 0), _layout.HeadBytes(keyBits), scratch.Keys, scratch.Padding);
        CodeTile<TBytes>.LoadValues(values + _layout.CodeOffset(valueBits, kvHead, 0), _layout.HeadBytes(valueBits), scratch.Values, scratch.Padding);
        Widen(keys + _layout.ScaleOffset(keyBits, kvHead, 0), filled, scratch.KeyScales);
        Widen(keys + _layout.MinOffset(keyBits, kvHead, 0), filled, scratch.KeyMinima);
        Widen(values + _layout.ScaleOffset(valueBits, kvHead, 0), filled, scratch.ValueScales);
        Widen(values + _layout.MinOffset(valueBits, kvHead, 0), filled, scratch.ValueMinima);
    }

    /// <summary>[64] FP16 numbers as floats; those of positions that nobody wrote yet, which may be anything, as 0.</summary>
    private static void Widen(byte* halves, int filled, float* target)
    {
        for (var j = 0; j < Tile; j += Lanes)
        {
            T.Store(target + j, T.LoadHalves((ushort*)halves + j));
        }

        new Span<float>(target + filled, Tile - filled).Clear();
    }

    /// <summary>The first pair whose row has a position in a tile that starts here; later rows have later positions.</summary>
    private int FirstPair(AttentionBlock block, int start)
    {
        var row = 0;
        while (_batch.Positions[block.FirstRow + row] < start)
        {
            row++;
        }

        return row * _group;
    }

    /// <summary>One tile for two pairs; the second may be the first again, and is then not merged.</summary>
    private void TwoPairs(AttentionBlock block, int tile, int one, int two, in AttentionScratch scratch)
    {
        var (first, second) = (Count(block, tile, one), Count(block, tile, two));
        var longest = Math.Max(first, second);
        int* sums = scratch.Scores, others = sums + Tile;
        NibbleProduct<TBytes>.SignedRows(scratch.KeyShape, _sizes.KeyStride / 4, longest, scratch.Query(one), scratch.Query(two), sums, others);
        byte* weights = scratch.Weights, otherWeights = weights + Tile;
        var state = TileSoftmax.Run<T>(scratch, sums, one, first, weights);
        var otherState = TileSoftmax.Run<T>(scratch, others, two, second, otherWeights);
        int* o = scratch.Outputs, otherO = o + _sizes.Outputs;
        NibbleProduct<TBytes>.UnsignedRows(scratch.ValueShape, (longest + 3) / 4, _sizes.Outputs, weights, otherWeights, o, otherO);
        var begins = tile % KvLayout.TilesOfSpan == 0;
        AttentionStates<T>.Add(scratch, one, begins, state, o);
        if (two != one)
        {
            AttentionStates<T>.Add(scratch, two, begins, otherState, otherO);
        }
    }

    /// <summary>Positions of a tile that the row of a pair attends to.</summary>
    private int Count(AttentionBlock block, int tile, int pair) =>
        Math.Min(Tile, _batch.Positions[block.FirstRow + (pair / _group)] + 1 - (tile * Tile));

    /// <summary>Elements from the start of q or o to the head of a pair; pairs are ordered by row, then by head of the group.</summary>
    private long HeadOffset(AttentionBlock block, int kvHead, int pair)
    {
        var row = block.FirstRow + (pair / _group);
        return (((long)row * _heads) + (kvHead * _group) + (pair % _group)) * _layout.HeadDim;
    }
}
