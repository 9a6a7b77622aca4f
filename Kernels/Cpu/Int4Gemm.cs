using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>w4a4_gemm: INT4 weights times codes of 3 to 8 bits. An item is a panel of 16 channels against up to 128 rows, or many panels against one.</summary>
/// <remarks>
/// The int32 lanes of an accumulator are the 16 channels, so nothing is summed across lanes. A byte multiply-add of unsigned weights with
/// four codes of a row, repeated in all lanes, leaves int16 pairs; they are added up as int16 for as long as they provably fit (512 columns
/// at 4 bits, 32 at 8), then go to int32. One row reads the packed weights straight through, in four long runs. Several rows share a tile of 512 columns,
/// unpacked into 8 KB that stay in the first-level cache while all rows pass over them, four at a time. Where there are registers for it, two
/// panels go together: a row's codes are then fetched once for both, and the loop has fewer loads than multiplications.
/// </remarks>
internal readonly unsafe struct Int4Gemm<T, TBytes> : IWork
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    /// <summary>Rows of an item: their codes of one tile stay in the second-level cache.</summary>
    private const int RowsOfItem = 128;

    /// <summary>Columns of a tile of unpacked weights, in fours.</summary>
    private const int QuadsOfTile = 128;

    /// <summary>Bytes that one row fetches in advance: the hardware alone leaves a third of the bandwidth unused (bench/NOTES.md).</summary>
    private const int Ahead = 2048;

    /// <summary>Panels side by side where there is one row.</summary>
    private const int PanelsOfItem = 4;

    private const int ItemsOfThread = 4;

    private const int Lanes = CpuLinear.PanelWidth;
    private const int TileBytes = QuadsOfTile * 64;
    private const int SumBytes = RowsOfItem * Lanes * sizeof(int);

    /// <summary>Panels that several rows pass over together.</summary>
    private static readonly int PanelsOfTile = TBytes.HasManyRegisters ? 2 : 1;

    private readonly WorkerPool _workers;
    private readonly Int4Linear _w;
    private readonly sbyte* _codes;
    private readonly float* _scales;
    private readonly int* _groupSums;
    private readonly float* _y;
    private readonly float* _bias;
    private readonly int _rows;
    private readonly int _stride;
    private readonly int _quadsInShorts;
    private readonly bool _accumulate;

    /// <param name="workers">Gives the scratch memory.</param>
    /// <param name="x">[rows, in]</param>
    /// <param name="w">[out, in]</param>
    /// <param name="y">[rows, out]</param>
    /// <param name="bias">[panels·16] or null.</param>
    /// <param name="accumulate">True to add to y.</param>
    public Int4Gemm(WorkerPool workers, HostRows x, Int4Linear w, float* y, float* bias, bool accumulate)
    {
        (_workers, _w, _rows, _stride, _accumulate) = (workers, w, x.Rows, x.Stride, accumulate);
        _codes = x.Codes;
        _scales = x.Scales;
        _groupSums = x.GroupSums(w.GroupSize);
        _y = y;
        _bias = bias;

        // An int16 lane grows by at most 2·15·2^(bits-1) a step; a block is two steps.
        _quadsInShorts = Math.Min(QuadsOfTile, short.MaxValue / (30 << (x.Bits - 1)) / 2 * 2);
    }

    /// <summary>Items of the loop.</summary>
    public int Items => _rows == 1
        ? (_w.Panels + (PanelsOfItem * RunOfItem) - 1) / (PanelsOfItem * RunOfItem)
        : PanelTiles * ((_rows + RowsOfItem - 1) / RowsOfItem);

    /// <summary>Panels that each of the four runs of memory of an item goes through: long ones for the prefetcher, yet some items for each thread.</summary>
    private int RunOfItem => Math.Max(1, _w.Panels / (PanelsOfItem * ItemsOfThread * _workers.Count));

    private int PanelTiles => (_w.Panels + PanelsOfTile - 1) / PanelsOfTile;

    public void Run(int item, int worker)
    {
        if (_rows == 1)
        {
            var run = RunOfItem;
            for (var one = item * PanelsOfItem * run; one < Math.Min(_w.Panels, ((item * PanelsOfItem) + 1) * run); one++)
            {
                OneRow(one, run);
            }

            return;
        }

        var (part, tile) = Math.DivRem(item, PanelTiles);
        var (first, panel) = (part * RowsOfItem, tile * PanelsOfTile);
        ManyRows(panel, Math.Min(PanelsOfTile, _w.Panels - panel), first, Math.Min(RowsOfItem, _rows - first),
            _workers.Scratch(worker, PanelsOfTile * (TileBytes + (2 * SumBytes))));
    }

    /// <summary>Four panels, a run apart; those past the last are computed as the last and thrown away.</summary>
    private void OneRow(int firstPanel, int run)
    {
        var sums = stackalloc int[PanelsOfItem * Lanes];
        var totals = stackalloc float[PanelsOfItem * Lanes];
        new Span<float>(totals, PanelsOfItem * Lanes).Clear();
        for (var group = 0; group < _w.Groups; group++)
        {
            var (first, end) = BlocksOf(group);
            for (var of = 0; of < PanelsOfItem; of++)
            {
                TBytes.StoreInts(sums + (of * Lanes), Start(0, group));
            }

            OneRow(firstPanel, run, first, end, sums);
            for (var of = 0; of < PanelsOfItem; of++)
            {
                AddGroup(sums + (of * Lanes), T.Load(_w.Scales(Panel(firstPanel + (of * run))) + (group * Lanes)), totals + (of * Lanes), rows: 1);
            }
        }

        for (var of = 0; of < PanelsOfItem && firstPanel + (of * run) < _w.Panels; of++)
        {
            Write(firstPanel + (of * run), firstRow: 0, rows: 1, totals + (of * Lanes));
        }
    }

    private byte* Codes(int panel) => _w.Panel(Panel(panel));

    private int Panel(int panel) => Math.Min(panel, _w.Panels - 1);

    /// <summary>Four panels at once, a run apart.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OneRow(int panel, int run, int first, int end, int* sums)
    {
        byte* w0 = Codes(panel), w1 = Codes(panel + run), w2 = Codes(panel + (2 * run)), w3 = Codes(panel + (3 * run));
        for (var start = first; start < end; start += _quadsInShorts / 2)
        {
            TBytes a = TBytes.Zero, b = TBytes.Zero, c = TBytes.Zero, d = TBytes.Zero;
            var stop = (nint)Math.Min(start + (_quadsInShorts / 2), end) * 64;
            var x = _codes + (start * Int4Linear.BlockColumns);
            for (var block = (nint)start * 64; block < stop; block += 64, x += Int4Linear.BlockColumns)
            {
                TBytes low = TBytes.Repeat(x), high = TBytes.Repeat(x + 4);
                a = AddBlock(a, w0 + block, low, high);
                b = AddBlock(b, w1 + block, low, high);
                c = AddBlock(c, w2 + block, low, high);
                d = AddBlock(d, w3 + block, low, high);
            }

            AddRows(sums, a, b, c, d);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBytes AddBlock(TBytes shorts, byte* block, TBytes low, TBytes high)
    {
        CacheLine.Prefetch(block + Ahead);
        var packed = TBytes.Load(block);
        shorts = TBytes.AddShorts(shorts, TBytes.MultiplyAddBytes(TBytes.LowNibbles(packed), low));
        return TBytes.AddShorts(shorts, TBytes.MultiplyAddBytes(TBytes.HighNibbles(packed), high));
    }

    /// <summary>Scratch: a tile for each panel, int32 sums [panels][128][16], float totals [panels][128][16].</summary>
    private void ManyRows(int panel, int panels, int firstRow, int rows, byte* scratch)
    {
        var sums = (int*)(scratch + (panels * TileBytes));
        var totals = (float*)(scratch + (panels * (TileBytes + SumBytes)));
        new Span<float>(totals, panels * RowsOfItem * Lanes).Clear();
        for (var group = 0; group < _w.Groups; group++)
        {
            for (var row = 0; row < rows * panels; row++)
            {
                var (of, index) = Math.DivRem(row, rows);
                TBytes.StoreInts(sums + (((of * RowsOfItem) + index) * Lanes), Start(firstRow + index, group));
            }

            var (first, end) = BlocksOf(group);
            for (var block = first; block < end; block += QuadsOfTile / 2)
            {
                var blocks = Math.Min(QuadsOfTile / 2, end - block);
                for (var of = 0; of < panels; of++)
                {
                    Unpack(_w.Panel(panel + of) + (block * 64L), scratch + (of * TileBytes), blocks);
                }

                var x = _codes + ((long)firstRow * _stride) + (block * Int4Linear.BlockColumns);
                Multiply(scratch, 2 * blocks, x, rows, sums, both: panels == 2);
            }

            for (var of = 0; of < panels; of++)
            {
                AddGroup(sums + (of * RowsOfItem * Lanes), T.Load(_w.Scales(panel + of) + (group * Lanes)), totals + (of * RowsOfItem * Lanes), rows);
            }
        }

        for (var of = 0; of < panels; of++)
        {
            Write(panel + of, firstRow, rows, totals + (of * RowsOfItem * Lanes));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Write(int panel, int firstRow, int rows, float* totals)
    {
        var output = new GemmOutput<T>(_y, _bias, _w.OutFeatures, panel, _accumulate);
        for (var row = firstRow; row < firstRow + rows; row++, totals += Lanes)
        {
            output.Write(row, T.Load(totals) * T.Splat(_scales[row]));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddGroup(int* sums, T scale, float* totals, int rows)
    {
        for (var i = 0; i < rows * Lanes; i += Lanes)
        {
            T.Store(totals + i, T.FusedMultiplyAdd(T.LoadInts(sums + i), scale, T.Load(totals + i)));
        }
    }

    /// <summary>[blocks][64] packed to [2·blocks][64] bytes: four columns of 16 channels each.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Unpack(byte* packed, byte* tile, int blocks)
    {
        for (var stop = packed + (blocks * 64L); packed < stop; packed += 64, tile += 128)
        {
            var block = TBytes.Load(packed);
            TBytes.Store(tile, TBytes.LowNibbles(block));
            TBytes.Store(tile + 64, TBytes.HighNibbles(block));
        }
    }

    /// <summary>Adds a tile's products to the sums. Where fewer than four rows are left, the last one stands in; its sums then go to rows of the scratch memory that nobody reads.</summary>
    private void Multiply(byte* tile, int quads, sbyte* x, int rows, int* sums, bool both)
    {
        for (var row = 0; row < rows; row += 4)
        {
            var last = rows - 1 - row;
            sbyte* x0 = x + ((long)row * _stride), x1 = x0 + (Math.Min(1, last) * _stride);
            sbyte* x2 = x0 + (Math.Min(2, last) * _stride), x3 = x0 + (Math.Min(3, last) * _stride);
            for (var quad = 0; quad < quads; quad += _quadsInShorts)
            {
                var count = Math.Min(_quadsInShorts, quads - quad);
                byte* w = tile + (quad * 64);
                var target = sums + (row * Lanes);
                if (both)
                {
                    EightTiles(w, count, x0 + (4 * quad), x1 + (4 * quad), x2 + (4 * quad), x3 + (4 * quad), target);
                }
                else
                {
                    FourTiles(w, count, x0 + (4 * quad), x1 + (4 * quad), x2 + (4 * quad), x3 + (4 * quad), target);
                }
            }
        }
    }

    /// <summary>Four rows against one panel.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FourTiles(byte* w, int quads, sbyte* x0, sbyte* x1, sbyte* x2, sbyte* x3, int* sums)
    {
        TBytes a = TBytes.Zero, b = TBytes.Zero, c = TBytes.Zero, d = TBytes.Zero;
        for (nint k = 0; k < 4 * quads; k += 4, w += 64)
        {
            var weights = TBytes.Load(w);
            a = TBytes.AddShorts(a, TBytes.MultiplyAddBytes(weights, TBytes.Repeat(x0 + k)));
            b = TBytes.AddShorts(b, TBytes.MultiplyAddBytes(weights, TBytes.Repeat(x1 + k)));
            c = TBytes.AddShorts(c, TBytes.MultiplyAddBytes(weights, TBytes.Repeat(x2 + k)));
            d = TBytes.AddShorts(d, TBytes.MultiplyAddBytes(weights, TBytes.Repeat(x3 + k)));
        }

        AddRows(sums, a, b, c, d);
    }

    /// <summary>Four rows against two panels, whose tiles follow each other.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void EightTiles(byte* w, int quads, sbyte* x0, sbyte* x1, sbyte* x2, sbyte* x3, int* sums)
    {
        TBytes a = TBytes.Zero, b = TBytes.Zero, c = TBytes.Zero, d = TBytes.Zero;
        TBytes e = TBytes.Zero, f = TBytes.Zero, g = TBytes.Zero, h = TBytes.Zero;
        for (nint k = 0; k < 4 * quads; k += 4, w += 64)
        {
            TBytes first = TBytes.Load(w), second = TBytes.Load(w + TileBytes);
            var x = TBytes.Repeat(x0 + k);
            a = TBytes.AddShorts(a, TBytes.MultiplyAddBytes(first, x));
            e = TBytes.AddShorts(e, TBytes.MultiplyAddBytes(second, x));
            x = TBytes.Repeat(x1 + k);
            b = TBytes.AddShorts(b, TBytes.MultiplyAddBytes(first, x));
            f = TBytes.AddShorts(f, TBytes.MultiplyAddBytes(second, x));
            x = TBytes.Repeat(x2 + k);
            c = TBytes.AddShorts(c, TBytes.MultiplyAddBytes(first, x));
            g = TBytes.AddShorts(g, TBytes.MultiplyAddBytes(second, x));
            x = TBytes.Repeat(x3 + k);
            d = TBytes.AddShorts(d, TBytes.MultiplyAddBytes(first, x));
            h = TBytes.AddShorts(h, TBytes.MultiplyAddBytes(second, x));
        }

        AddRows(sums, a, b, c, d);
        AddRows(sums + (RowsOfItem * Lanes), e, f, g, h);
    }

    /// <summary>Without a branch: what comes after a loop decides whether its values stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRows(int* sums, TBytes a, TBytes b, TBytes c, TBytes d)
    {
        Add(sums, a);
        Add(sums + Lanes, b);
        Add(sums + (2 * Lanes), c);
        Add(sums + (3 * Lanes), d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(int* sums, TBytes shorts) => TBytes.StoreInts(sums, TBytes.AddPairs(TBytes.Load((byte*)sums), shorts));

    /// <summary>Sums that take the weights' offset off in advance.</summary>
    private TBytes Start(int row, int group)
    {
        var offset = -Int4Linear.Offset * _groupSums[(row * _w.Groups) + group];
        return TBytes.Repeat(&offset);
    }

    private (int First, int End) BlocksOf(int group) => _w.Groups == 1
        ? (0, _w.Blocks)
        : (group * _w.GroupSize / Int4Linear.BlockColumns, (group + 1) * _w.GroupSize / Int4Linear.BlockColumns);
}
