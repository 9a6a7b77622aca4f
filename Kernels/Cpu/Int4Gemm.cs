using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>w4a4_gemm: INT4 weights times codes of 3 to 8 bits. One panel of 16 channels against all rows.</summary>
/// <remarks>
/// The int32 lanes of an accumulator are the 16 channels, so nothing is summed across lanes. Per block of 8 columns: one 64-byte load gives
/// two vectors of unsigned codes; four codes of the row are repeated in all lanes; a byte multiply-add leaves int16 pairs. 4 blocks
/// (8 additions of at most 2·15·128) stay below 2^15, then the pairs go to int32. Weights are unpacked once for 4 rows.
/// </remarks>
internal sealed unsafe class Int4Gemm<T, TBytes>(HostRows x, Int4Linear w, float* y, float* bias, bool accumulate)
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private const int BlocksInShorts = 4;

    private readonly HostRows _x = x;
    private readonly Int4Linear _w = w;
    private readonly float* _y = y;
    private readonly float* _bias = bias;
    private readonly int* _groupSums = x.GroupSums(w.GroupSize);

    public void Panel(int panel)
    {
        var output = new GemmOutput<T>(_y, _bias, _w.OutFeatures, panel, accumulate);
        var row = 0;
        for (; row + 4 <= _x.Rows; row += 4)
        {
            FourRows(panel, row, output);
        }

        for (; row < _x.Rows; row++)
        {
            OneRow(panel, row, output);
        }
    }

    private void FourRows(int panel, int row, GemmOutput<T> output)
    {
        T t0 = T.Splat(0f), t1 = t0, t2 = t0, t3 = t0;
        var x0 = _x.Codes + ((long)row * _x.Stride);
        var ints = stackalloc int[4 * CpuLinear.PanelWidth];
        for (var group = 0; group < _w.Groups; group++)
        {
            MultiplyFour(_w.Panel(panel), x0, row, group, ints);
            var scale = T.Load(_w.Scales(panel) + (group * CpuLinear.PanelWidth));
            t0 = T.FusedMultiplyAdd(T.LoadInts(ints), scale, t0);
            t1 = T.FusedMultiplyAdd(T.LoadInts(ints + 16), scale, t1);
            t2 = T.FusedMultiplyAdd(T.LoadInts(ints + 32), scale, t2);
            t3 = T.FusedMultiplyAdd(T.LoadInts(ints + 48), scale, t3);
        }

        output.Write(row, t0 * T.Splat(_x.Scales[row]));
        output.Write(row + 1, t1 * T.Splat(_x.Scales[row + 1]));
        output.Write(row + 2, t2 * T.Splat(_x.Scales[row + 2]));
        output.Write(row + 3, t3 * T.Splat(_x.Scales[row + 3]));
    }

    private void MultiplyFour(byte* codes, sbyte* x0, int row, int group, int* ints)
    {
        sbyte* x1 = x0 + _x.Stride, x2 = x1 + _x.Stride, x3 = x2 + _x.Stride;
        TBytes a0 = Start(row, group), a1 = Start(row + 1, group), a2 = Start(row + 2, group), a3 = Start(row + 3, group);
        var (first, end) = BlocksOf(group);
        for (var start = first; start < end; start += BlocksInShorts)
        {
            TBytes s0 = TBytes.Zero, s1 = s0, s2 = s0, s3 = s0;
            var stop = Math.Min(start + BlocksInShorts, end);
            for (var block = start; block < stop; block++)
            {
                var packed = TBytes.Load(codes + (block * 64L));
                TBytes low = TBytes.LowNibbles(packed), high = TBytes.HighNibbles(packed);
                var k = block * Int4Linear.BlockColumns;
                s0 = Step(s0, low, high, x0 + k);
                s1 = Step(s1, low, high, x1 + k);
                s2 = Step(s2, low, high, x2 + k);
                s3 = Step(s3, low, high, x3 + k);
            }

            a0 = TBytes.AddPairs(a0, s0);
            a1 = TBytes.AddPairs(a1, s1);
            a2 = TBytes.AddPairs(a2, s2);
            a3 = TBytes.AddPairs(a3, s3);
        }

        TBytes.StoreInts(ints, a0);
        TBytes.StoreInts(ints + 16, a1);
        TBytes.StoreInts(ints + 32, a2);
        TBytes.StoreInts(ints + 48, a3);
    }

    private void OneRow(int panel, int row, GemmOutput<T> output)
    {
        var total = T.Splat(0f);
        var codes = _w.Panel(panel);
        var x = _x.Codes + ((long)row * _x.Stride);
        var ints = stackalloc int[CpuLinear.PanelWidth];
        for (var group = 0; group < _w.Groups; group++)
        {
            var sum = Start(row, group);
            var (first, end) = BlocksOf(group);
            for (var start = first; start < end; start += BlocksInShorts)
            {
                var shorts = TBytes.Zero;
                var stop = Math.Min(start + BlocksInShorts, end);
                for (var block = start; block < stop; block++)
                {
                    var packed = TBytes.Load(codes + (block * 64L));
                    shorts = Step(shorts, TBytes.LowNibbles(packed), TBytes.HighNibbles(packed), x + (block * Int4Linear.BlockColumns));
                }

                sum = TBytes.AddPairs(sum, shorts);
            }

            TBytes.StoreInts(ints, sum);
            total = T.FusedMultiplyAdd(T.LoadInts(ints), T.Load(_w.Scales(panel) + (group * CpuLinear.PanelWidth)), total);
        }

        output.Write(row, total * T.Splat(_x.Scales[row]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBytes Step(TBytes shorts, TBytes low, TBytes high, sbyte* x)
    {
        shorts = TBytes.AddShorts(shorts, TBytes.MultiplyAddBytes(low, TBytes.Repeat(x)));
        return TBytes.AddShorts(shorts, TBytes.MultiplyAddBytes(high, TBytes.Repeat(x + 4)));
    }

    /// <summary>An accumulator that takes the weights' offset off in advance.</summary>
    private TBytes Start(int row, int group)
    {
        var offset = -Int4Linear.Offset * _groupSums[(row * _w.Groups) + group];
        return TBytes.Repeat(&offset);
    }

    private (int First, int End) BlocksOf(int group) => _w.Groups == 1
        ? (0, _w.Blocks)
        : (group * _w.GroupSize / Int4Linear.BlockColumns, (group + 1) * _w.GroupSize / Int4Linear.BlockColumns);
}
