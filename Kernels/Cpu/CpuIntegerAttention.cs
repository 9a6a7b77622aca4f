using System.Runtime.Intrinsics;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;
using QuaRot.Kernels.Numerics;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>flash_prefill and flash_decode over codes: one block of rows against one key/value head, tile by tile.</summary>
/// <remarks>
/// For each tile the codes are unpacked once, then each (row, query head) of the block that reaches it goes through the same steps as if it were
/// alone. Heads hold a multiple of 16 elements; others go through the reference.
/// </remarks>
internal readonly unsafe struct CpuIntegerAttention<T, TBytes> : IWork
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private const int Count = ILanes<T>.Count;
    private const int Tile = KvLayout.PageSize;

    private readonly WorkerPool _workers;
    private readonly HostKvCache _cache;
    private readonly KvLayout _layout;
    private readonly ForwardBatch _batch;
    private readonly List<AttentionBlock> _blocks;
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
    public CpuIntegerAttention(WorkerPool workers, HostKvCache cache, int layer, ForwardBatch batch, int heads, float* q, float* o)
    {
        (_workers, _cache, _layer, _batch, _heads) = (workers, cache, layer, batch, heads);
        _q = q;
        _o = o;
        (_layout, _blocks) = (cache.Layout, AttentionBlock.Cut(batch));
        _group = heads / _layout.KvHeads;
    }

    /// <summary>Items of the loop: the blocks with the most to do come first, so that none of them is left for the end.</summary>
    public int Items => _blocks.Count * _layout.KvHeads;

    /// <summary>True where this formula holds and the vectors fit the heads.</summary>
    public static bool Suits(KvLayout layout) => IntegerAttention.Suits(layout) && layout.HeadDim % Count == 0;

    public void Run(int item, int worker)
    {
        var block = _blocks[_blocks.Count - 1 - (item / _layout.KvHeads)];
        var pairs = block.Rows * _group;
        var bytes = new Scratch(_layout, pairs, null).End;
        Run(block, item % _layout.KvHeads, pairs, new Scratch(_layout, pairs, _workers.Scratch(worker, bytes)));
    }

    private void Run(AttentionBlock block, int kvHead, int pairs, in Scratch m)
    {
        for (var pair = 0; pair < pairs; pair++)
        {
            Quantize(_q + HeadOffset(block, kvHead, pair), m.Query(pair), out m.Scales[pair], out m.Sums[pair]);
        }

        var table = _batch.BlockTables[_batch.SequenceOfRow[block.FirstRow]];
        var last = _batch.Positions[block.FirstRow + block.Rows - 1];
        for (var tile = 0; tile <= last / Tile; tile++)
        {
            var filled = Math.Min(Tile, last + 1 - (tile * Tile));
            LoadTile(kvHead, table[tile], filled, m);
            for (var pair = 0; pair < pairs; pair++)
            {
                var count = Math.Min(Tile, _batch.Positions[block.FirstRow + (pair / _group)] + 1 - (tile * Tile));
                if (count > 0)
                {
                    AddTile(pair, tile, count, m);
                }
            }
        }

        for (var pair = 0; pair < pairs; pair++)
        {
            End(m, pair, _batch.Positions[block.FirstRow + (pair / _group)] / Tile, _o + HeadOffset(block, kvHead, pair));
        }
    }

    private void Quantize(float* q, sbyte* codes, out float scale, out int sum)
    {
        var largest = T.Splat(0f);
        for (var d = 0; d < _layout.HeadDim; d += Count)
        {
            largest = T.Max(T.Abs(T.Load(q + d)), largest);
        }

        var unit = T.MaxOf(largest) / IntegerAttention.HighestQuery;
        unit = unit < QuantizePerToken.SmallestScale ? 1f : unit;
        T inverse = T.Splat(1f / unit), high = T.Splat(IntegerAttention.HighestQuery), low = T.Splat(-IntegerAttention.HighestQuery);
        for (var d = 0; d < _layout.HeadDim; d += Count)
        {
            T.StoreBytes((byte*)codes + d, T.Min(T.Max(T.Round(T.Load(q + d) * inverse), low), high));
        }

        sum = 0;
        for (var d = 0; d < _layout.HeadDim; d++)
        {
            sum += codes[d];
        }

        scale = unit * (1f / MathF.Sqrt(_layout.HeadDim));
    }

    private void LoadTile(int kvHead, int page, int filled, in Scratch m)
    {
        byte* keys = _cache.Plane(_layer, page, value: false), values = _cache.Plane(_layer, page, value: true);
        KvCodes.LoadKeys(keys, _layout, kvHead, filled, m.Keys);
        KvCodes.LoadValues(values, _layout, kvHead, filled, m.Values, (uint*)m.Products);
        for (var j = 0; j < Tile; j += Count)
        {
            T.Store(m.KeyScales + j, T.LoadHalves((ushort*)(keys + _layout.ScaleOffset(_layout.KeyBits, kvHead, j))));
            T.Store(m.KeyMins + j, T.LoadHalves((ushort*)(keys + _layout.MinOffset(_layout.KeyBits, kvHead, j))));
            T.Store(m.ValueScales + j, T.LoadHalves((ushort*)(values + _layout.ScaleOffset(_layout.ValueBits, kvHead, j))));
            T.Store(m.ValueMins + j, T.LoadHalves((ushort*)(values + _layout.MinOffset(_layout.ValueBits, kvHead, j))));
        }
    }

    private void AddTile(int pair, int tile, int count, in Scratch m)
    {
        var max = Scores(pair, count, m);
        var (sum, shift, unit) = Weights(max, count, m);
        var span = m.Span(pair);
        var isFirst = tile % IntegerAttention.SpanTiles == 0;
        if (isFirst && tile > 0)
        {
            Merge(m.Total(pair), span, isFirst: tile == IntegerAttention.SpanTiles);
        }

        var state = isFirst ? span : m.Tile;
        (state[0], state[1]) = (max, sum);
        Values(m, unit, shift, state + Scratch.Head);
        if (!isFirst)
        {
            Merge(span, state, isFirst: false);
        }
    }

    /// <summary>s_j of the tile, -infinity beyond count; returns the largest.</summary>
    private float Scores(int pair, int count, in Scratch m)
    {
        Products(m.Keys, m.Query(pair), _layout.HeadDim / 4, Tile, KvCodes.Planes(_layout.KeyBits), stepsBetweenFolds: 8, m.Products);
        T a = T.Splat(m.Scales[pair]), querySum = T.Splat(m.Sums[pair]), largest = T.Splat(float.NegativeInfinity);
        for (var j = 0; j < Tile; j += Count)
        {
            var shift = T.Load(m.KeyMins + j) * querySum;
            T.Store(m.P + j, a * T.FusedMultiplyAdd(T.Load(m.KeyScales + j), T.LoadInts(m.Products + j), shift));
        }

        new Span<float>(m.P + count, Tile - count).Fill(float.NegativeInfinity);
        for (var j = 0; j < Tile; j += Count)
        {
            largest = T.Max(T.Load(m.P + j), largest);
        }

        return T.MaxOf(largest);
    }

    /// <summary>From s_j to the codes of p_j·vs_j; returns l, b and the codes' unit.</summary>
    private static (float Sum, float Shift, float Unit) Weights(float max, int count, in Scratch m)
    {
        T shift = T.Splat(max), largest = T.Splat(0f);
        for (var j = 0; j < Tile; j += Count)
        {
            T.Store(m.P + j, LaneMath<T>.Exp(T.Load(m.P + j) - shift));
        }

        // Slots that nobody has written may hold anything, also what makes 0·x a NaN.
        new Span<float>(m.P + count, Tile - count).Clear();
        for (var j = 0; j < Tile; j += Count)
        {
            var p = T.Load(m.P + j);
            T.Store(m.W + j, p * T.Load(m.ValueScales + j));
            T.Store(m.C + j, p * T.Load(m.ValueMins + j));
        }

        new Span<float>(m.W + count, Tile - count).Clear();
        new Span<float>(m.C + count, Tile - count).Clear();
        for (var j = 0; j < Tile; j += Count)
        {
            largest = T.Max(T.Load(m.W + j), largest);
        }

        var unit = T.MaxOf(largest) / IntegerAttention.HighestWeight;
        unit = unit < QuantizePerToken.SmallestScale ? 1f : unit;
        T inverse = T.Splat(1f / unit), high = T.Splat(IntegerAttention.HighestWeight);
        for (var j = 0; j < Tile; j += Count)
        {
            T.StoreBytes(m.Codes + j, T.Min(T.Round(T.Load(m.W + j) * inverse), high));
        }

        return (EightLaneSum(m.P), EightLaneSum(m.C), unit);
    }

    /// <summary>o[d] = fma(unit, (float)Σ codes·v, shift), in the order of <see cref="KvCodes.LoadValues"/>.</summary>
    private void Values(in Scratch m, float unit, float shift, float* o)
    {
        ValueProducts(m);
        T by = T.Splat(unit), plus = T.Splat(shift);
        for (var d = 0; d < _layout.HeadDim; d += Count)
        {
            T.Store(o + d, T.FusedMultiplyAdd(by, T.LoadInts(m.Products + d), plus));
        }
    }

    // As Products, but the weights are the unsigned side.
    private void ValueProducts(in Scratch m)
    {
        var (dim, planes) = (_layout.HeadDim, KvCodes.Planes(_layout.ValueBits));
        for (var d = 0; d < dim; d += Count)
        {
            var total = TBytes.Zero;
            for (var plane = planes - 1; plane >= 0; plane--)
            {
                var from = (byte*)(m.Values + (plane * Tile / 4 * dim) + d);
                var sum = TBytes.Zero;
                for (var first = 0; first < Tile / 4; first += 4)
                {
                    // Four times 2·255·15 fits int16.
                    var shorts = TBytes.MultiplyAddBytes(TBytes.Repeat(m.Codes + (4 * first)), TBytes.Load(from + ((long)first * dim * 4)));
                    for (var j = first + 1; j < first + 4; j++)
                    {
                        shorts = TBytes.AddShorts(shorts, TBytes.MultiplyAddBytes(TBytes.Repeat(m.Codes + (4 * j)), TBytes.Load(from + ((long)j * dim * 4))));
                    }

                    sum = TBytes.AddPairs(sum, shorts);
                }

                total = TBytes.AddInts(TBytes.ShiftLeft4(total), sum);
            }

            TBytes.StoreInts(m.Products + d, total);
        }
    }

    /// <summary>products[i] = Σ of unsigned codes [planes][steps][columns][4] times signed bytes [steps][4].</summary>
    private static void Products(uint* codes, sbyte* signed, int steps, int columns, int planes, int stepsBetweenFolds, int* products)
    {
        for (var i = 0; i < columns; i += Count)
        {
            var total = TBytes.Zero;
            for (var plane = planes - 1; plane >= 0; plane--)
            {
                var from = (byte*)(codes + (plane * steps * columns) + i);
                var sum = TBytes.Zero;
                for (var first = 0; first < steps; first += stepsBetweenFolds)
                {
                    // Eight times 2·15·127 fits int16.
                    var shorts = TBytes.Zero;
                    for (var step = first; step < Math.Min(steps, first + stepsBetweenFolds); step++)
                    {
                        shorts = TBytes.AddShorts(shorts, TBytes.MultiplyAddBytes(TBytes.Load(from + ((long)step * columns * 4)), TBytes.Repeat(signed + (4 * step))));
                    }

                    sum = TBytes.AddPairs(sum, shorts);
                }

                total = TBytes.AddInts(TBytes.ShiftLeft4(total), sum);
            }

            TBytes.StoreInts(products + i, total);
        }
    }

    private static float EightLaneSum(float* values)
    {
        var lanes = Vector256<float>.Zero;
        for (var j = 0; j < Tile; j += 8)
        {
            lanes += Vector256.Load(values + j);
        }

        var (low, high) = (lanes.GetLower(), lanes.GetUpper());
        return ((low[0] + low[1]) + (low[2] + low[3])) + ((high[0] + high[1]) + (high[2] + high[3]));
    }

    /// <summary>Adds state b to state a: (m, l, then o from <see cref="Scratch.Head"/> on).</summary>
    private void Merge(float* a, float* b, bool isFirst)
    {
        if (isFirst)
        {
            new Span<float>(b, Scratch.Head + _layout.HeadDim).CopyTo(new(a, Scratch.Head + _layout.HeadDim));
            return;
        }

        var max = a[0] > b[0] ? a[0] : b[0];
        float alpha = FloatMath.Exp(a[0] - max), beta = FloatMath.Exp(b[0] - max);
        (a[0], a[1]) = (max, MathF.FusedMultiplyAdd(a[1], alpha, b[1] * beta));
        T keep = T.Splat(alpha), add = T.Splat(beta);
        for (var d = Scratch.Head; d < Scratch.Head + _layout.HeadDim; d += Count)
        {
            T.Store(a + d, T.FusedMultiplyAdd(T.Load(a + d), keep, T.Load(b + d) * add));
        }
    }

    private void End(in Scratch m, int pair, int lastTile, float* target)
    {
        var span = m.Span(pair);
        var words = _layout.HeadDim / 4;
        if (lastTile / IntegerAttention.SpanTiles > 0)
        {
            Merge(m.Total(pair), span, isFirst: false);
            span = m.Total(pair);
        }

        for (var d = 0; d < _layout.HeadDim; d++)
        {
            target[d] = span[Scratch.Head + (d % 4 * words) + (d / 4)] / span[1];
        }
    }

    /// <summary>Elements from the start of q or o to the head of a pair; pairs are ordered by row, then by head of the group.</summary>
    private long HeadOffset(AttentionBlock block, int kvHead, int pair)
    {
        var row = block.FirstRow + (pair / _group);
        return (((long)row * _heads) + (kvHead * _group) + (pair % _group)) * _layout.HeadDim;
    }

    /// <summary>The memory of a worker: the tile's codes and scales, then for each pair its query and two states.</summary>
    private struct Scratch
    {
        /// <summary>Floats in front of o in a state: m, l, and padding.</summary>
        public const int Head = 16;

        public uint* Keys, Values;
        public float* KeyScales, KeyMins, ValueScales, ValueMins, P, W, C, Tile, Scales;
        public int* Products, Sums;
        public byte* Codes;

        private const int Alignment = 64;

        private readonly int _dim;
        private sbyte* _queries;
        private float* _states;
        private byte* _end;

        /// <summary>Lays it out from <paramref name="memory"/> on; from null, to find out how much it takes.</summary>
        public Scratch(KvLayout layout, int pairs, void* memory)
        {
            _dim = layout.HeadDim;
            _end = (byte*)memory;
            Keys = (uint*)Take(KvCodes.Planes(layout.KeyBits) * _dim * KvLayout.PageSize);
            Values = (uint*)Take(KvCodes.Planes(layout.ValueBits) * _dim * KvLayout.PageSize);
            Codes = Take(KvLayout.PageSize);
            KeyScales = Floats(KvLayout.PageSize);
            KeyMins = Floats(KvLayout.PageSize);
            ValueScales = Floats(KvLayout.PageSize);
            ValueMins = Floats(KvLayout.PageSize);
            P = Floats(KvLayout.PageSize);
            W = Floats(KvLayout.PageSize);
            C = Floats(KvLayout.PageSize);
            Tile = Floats(Head + _dim);
            Products = (int*)Floats(Math.Max(KvLayout.PageSize, _dim));
            Scales = Floats(pairs);
            Sums = (int*)Floats(pairs);
            _queries = (sbyte*)Take(pairs * _dim);
            _states = Floats(2 * pairs * (Head + _dim));
        }

        public readonly long End => (long)_end;

        public readonly sbyte* Query(int pair) => _queries + (pair * _dim);

        public readonly float* Span(int pair) => _states + (2 * pair * (Head + _dim));

        public readonly float* Total(int pair) => Span(pair) + Head + _dim;

        private float* Floats(int count) => (float*)Take(count * sizeof(float));

        private byte* Take(int bytes)
        {
            var start = _end;
            _end += (bytes + Alignment - 1) / Alignment * Alignment;
            return start;
        }
    }
}
