using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Cpu;

/// <summary>flash_prefill and flash_decode where keys or values are floats: one block of rows against one key/value head, tile by tile.</summary>
/// <remarks>
/// For each tile K and V are dequantized once, then each (row, query head) of the block that reaches it goes through the same steps as if
/// it were alone. Scratch: K and V tile [64, stride], then per (row, head) q and o [stride], running maximum and sum.
/// </remarks>
internal readonly unsafe struct FloatAttention<T> : IWork
    where T : unmanaged, ILanes<T>
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
    private readonly int _stride;
    private readonly int _group;
    private readonly float _scoreScale;

    /// <param name="workers">Gives the scratch memory.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="layer">Layer of this stage.</param>
    /// <param name="batch">Positions and block tables.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="q">[rows, heads, head_dim]</param>
    /// <param name="o">[rows, heads, head_dim]</param>
    public FloatAttention(WorkerPool workers, HostKvCache cache, int layer, ForwardBatch batch, int heads, float* q, float* o)
    {
        (_workers, _cache, _layer, _batch, _heads) = (workers, cache, layer, batch, heads);
        _q = q;
        _o = o;
        _layout = cache.Layout;
        _stride = (_layout.HeadDim + Count - 1) / Count * Count;
        _group = heads / _layout.KvHeads;
        _blocks = AttentionBlock.Cut(batch, _group);
        _scoreScale = 1f / MathF.Sqrt(_layout.HeadDim);
    }

    /// <summary>Items of the loop: the blocks with the most to do come first, so that none of them is left for the end.</summary>
    public int Items => _blocks.Count * _layout.KvHeads;

    public void Run(int item, int worker)
    {
        var block = _blocks[_blocks.Count - 1 - (item / _layout.KvHeads)];
        var floats = (2 * Tile * _stride) + Tile + (block.Rows * _group * ((2 * _stride) + 2));
        Run(block, item % _layout.KvHeads, (float*)_workers.Scratch(worker, sizeof(float) * (long)floats));
    }

    private void Run(AttentionBlock block, int kvHead, float* scratch)
    {
        var pairs = block.Rows * _group;
        float* k = scratch, v = k + (Tile * _stride), p = v + (Tile * _stride);
        float* qs = p + Tile, os = qs + (pairs * _stride), max = os + (pairs * _stride), sum = max + pairs;
        Begin(block, kvHead, qs, os, max, sum);
        var table = _batch.BlockTables[_batch.SequenceOfRow[block.FirstRow]];
        var last = _batch.Positions[block.FirstRow + block.Rows - 1];
        for (var start = 0; start <= last; start += Tile)
        {
            var page = table[start / Tile];
            var filled = Math.Min(Tile, last + 1 - start);
            KvTile<T>.Load(_cache.Plane(_layer, page, value: false), _layout, _layout.KeyBits, kvHead, filled, k, _stride);
            KvTile<T>.Load(_cache.Plane(_layer, page, value: true), _layout, _layout.ValueBits, kvHead, filled, v, _stride);
            for (var pair = 0; pair < pairs; pair++)
            {
                var count = Math.Min(Tile, _batch.Positions[block.FirstRow + (pair / _group)] + 1 - start);
                if (count > 0)
                {
                    AddTile(qs + (pair * _stride), k, v, p, count, os + (pair * _stride), ref max[pair], ref sum[pair]);
                }
            }
        }

        End(block, kvHead, os, sum);
    }

    private void Begin(AttentionBlock block, int kvHead, float* qs, float* os, float* max, float* sum)
    {
        var pairs = block.Rows * _group;
        new Span<float>(qs, 2 * pairs * _stride).Clear();
        new Span<float>(max, pairs).Fill(float.NegativeInfinity);
        new Span<float>(sum, pairs).Clear();
        for (var pair = 0; pair < pairs; pair++)
        {
            new Span<float>(_q + HeadOffset(block, kvHead, pair), _layout.HeadDim).CopyTo(new(qs + (pair * _stride), _layout.HeadDim));
        }
    }

    private void AddTile(float* q, float* k, float* v, float* p, int count, float* o, ref float max, ref float sum)
    {
        var padded = (count + Count - 1) / Count * Count;
        Scores(q, k, p, count);
        new Span<float>(p + count, padded - count).Fill(float.NegativeInfinity);
        var largest = T.Splat(max);
        for (var j = 0; j < padded; j += Count)
        {
            largest = T.Max(T.Load(p + j), largest);
        }

        var newMax = T.MaxOf(largest);
        T total = T.Splat(0f), shift = T.Splat(newMax);
        for (var j = 0; j < padded; j += Count)
        {
            var e = LaneMath<T>.Exp(T.Load(p + j) - shift);
            T.Store(p + j, e);
            total += e;
        }

        var rescale = FloatMath.Exp(max - newMax);
        sum = MathF.FusedMultiplyAdd(sum, rescale, T.Fold(total));
        max = newMax;
        AddValues(p, v, count, o, T.Splat(rescale));
    }

    /// <summary>p[j] = (q·k[j])/√head_dim; four keys at a time, so that their chains of additions overlap.</summary>
    private void Scores(float* q, float* k, float* p, int count)
    {
        var j = 0;
        for (; j + 4 <= count; j += 4, k += 4 * _stride)
        {
            T a = T.Splat(0f), b = a, c = a, d = a;
            for (var i = 0; i < _stride; i += Count)
            {
                var x = T.Load(q + i);
                a = T.FusedMultiplyAdd(x, T.Load(k + i), a);
                b = T.FusedMultiplyAdd(x, T.Load(k + _stride + i), b);
                c = T.FusedMultiplyAdd(x, T.Load(k + (2 * _stride) + i), c);
                d = T.FusedMultiplyAdd(x, T.Load(k + (3 * _stride) + i), d);
            }

            p[j] = T.Fold(a) * _scoreScale;
            p[j + 1] = T.Fold(b) * _scoreScale;
            p[j + 2] = T.Fold(c) * _scoreScale;
            p[j + 3] = T.Fold(d) * _scoreScale;
        }

        for (; j < count; j++, k += _stride)
        {
            p[j] = LaneMath<T>.Dot(q, k, _stride) * _scoreScale;
        }
    }

    /// <summary>o = o·rescale, then o += p[j]·v[j] in ascending j; four vectors of o stay in registers.</summary>
    private void AddValues(float* p, float* v, int count, float* o, T rescale)
    {
        var i = 0;
        for (; i + (4 * Count) <= _stride; i += 4 * Count)
        {
            T a = T.Load(o + i) * rescale, b = T.Load(o + i + 16) * rescale;
            T c = T.Load(o + i + 32) * rescale, d = T.Load(o + i + 48) * rescale;
            var row = v + i;
            for (var j = 0; j < count; j++, row += _stride)
            {
                var weight = T.Splat(p[j]);
                a = T.FusedMultiplyAdd(weight, T.Load(row), a);
                b = T.FusedMultiplyAdd(weight, T.Load(row + 16), b);
                c = T.FusedMultiplyAdd(weight, T.Load(row + 32), c);
                d = T.FusedMultiplyAdd(weight, T.Load(row + 48), d);
            }

            T.Store(o + i, a);
            T.Store(o + i + 16, b);
            T.Store(o + i + 32, c);
            T.Store(o + i + 48, d);
        }

        for (; i < _stride; i += Count)
        {
            var a = T.Load(o + i) * rescale;
            for (var j = 0; j < count; j++)
            {
                a = T.FusedMultiplyAdd(T.Splat(p[j]), T.Load(v + (j * _stride) + i), a);
            }

            T.Store(o + i, a);
        }
    }

    private void End(AttentionBlock block, int kvHead, float* os, float* sum)
    {
        for (var pair = 0; pair < block.Rows * _group; pair++)
        {
            var target = _o + HeadOffset(block, kvHead, pair);
            var divisor = T.Splat(sum[pair]);
            for (var i = 0; i < _layout.HeadDim; i += Count)
            {
                LaneMath<T>.Store(target + i, T.Load(os + (pair * _stride) + i) / divisor, _layout.HeadDim - i);
            }
        }
    }

    /// <summary>Elements from the start of q or o to the head of a pair; pairs are ordered by row, then by head of the group.</summary>
    private long HeadOffset(AttentionBlock block, int kvHead, int pair)
    {
        var row = block.FirstRow + (pair / _group);
        return (((long)row * _heads) + (kvHead * _group) + (pair % _group)) * _layout.HeadDim;
    }
}
