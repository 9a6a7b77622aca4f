using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>
/// Float GEMM of 16-lane sums: weights and activations are floats, or are turned into floats first. An item is a panel of 16 channels, or some where they are read straight from memory.
/// </summary>
/// <remarks>
/// The lanes run along k, as the arithmetic is specified. One row widens FP16 weights on their way into the multiply-add, so that they are
/// read once, in four long runs, and written nowhere. Several rows share a panel that is widened to scratch memory; a tile of 2 rows x 2 channels then
/// has as many loads as multiply-adds.
/// </remarks>
internal readonly unsafe struct FloatGemm<T>(WorkerPool workers, HostRows x, CpuLinear w, float* y, float* bias, bool accumulate) : IWork
    where T : unmanaged, ILanes<T>
{
    /// <summary>Panels of an item that is read straight from memory.</summary>
    private const int PanelsOfRun = 16;

    /// <summary>Bytes that it fetches in advance, a cache line at a time.</summary>
    private const int Ahead = 2048;

    private readonly WorkerPool _workers = workers;
    private readonly CpuLinear _w = w;
    private readonly float* _x = x.Floats();
    private readonly float* _y = y;
    private readonly float* _bias = bias;
    private readonly int _rows = x.Rows;
    private readonly int _stride = x.Stride;
    private readonly bool _accumulate = accumulate;

    /// <summary>Items of the loop.</summary>
    public int Items => IsRun ? (_w.Panels + PanelsOfRun - 1) / PanelsOfRun : _w.Panels;

    /// <summary>One row against weights that are read straight from memory.</summary>
    private bool IsRun => _rows == 1 && _w is FloatLinear { IsHalf: true };

    public void Run(int item, int worker)
    {
        if (IsRun)
        {
            var start = item * PanelsOfRun;
            OneRow<Halves>(((FloatLinear)_w).Panel(start), start * CpuLinear.PanelWidth, Math.Min(PanelsOfRun, _w.Panels - start) * CpuLinear.PanelWidth, 0);
            return;
        }

        var (panel, first) = (item, item * CpuLinear.PanelWidth);
        var end = Math.Min(first + CpuLinear.PanelWidth, _w.OutFeatures);
        var scratch = (float*)_workers.Scratch(worker, (long)CpuLinear.PanelWidth * _w.FloatStride * sizeof(float));
        var weights = _w.FloatPanel(panel, scratch);
        var row = 0;
        for (; row + 2 <= _rows; row += 2)
        {
            TwoRows(weights, first, end, row);
        }

        if (row < _rows)
        {
            OneRow<Singles>((byte*)weights, first, CpuLinear.PanelWidth, row);
        }
    }

    /// <summary>Four channels at once, a quarter of them all apart: four long runs of memory.</summary>
    private void OneRow<TWeight>(byte* weights, int first, int channels, int row)
        where TWeight : struct, IWeight
    {
        var x = _x + ((long)row * _stride);
        var step = (long)_w.FloatStride * TWeight.Bytes;
        var apart = channels / 4;
        var sums = stackalloc float[4];
        for (var o = first; o < first + apart; o++, weights += step)
        {
            FourChannels<TWeight>(x, weights, apart * step, _w.FloatStride, sums);
            for (var i = 0; i < 4; i++)
            {
                Write(row, o + (i * apart), sums[i]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FourChannels<TWeight>(float* x, byte* w0, long apart, int columns, float* sums)
        where TWeight : struct, IWeight
    {
        byte* w1 = w0 + apart, w2 = w1 + apart, w3 = w2 + apart;
        T a0 = T.Splat(0f), a1 = a0, a2 = a0, a3 = a0;
        nint k = 0;
        for (; k + (2 * ILanes<T>.Count) <= columns; k += 2 * ILanes<T>.Count)
        {
            T r = T.Load(x + k), s = T.Load(x + k + ILanes<T>.Count);
            a0 = TWeight.AddTwo(a0, r, s, w0, k);
            a1 = TWeight.AddTwo(a1, r, s, w1, k);
            a2 = TWeight.AddTwo(a2, r, s, w2, k);
            a3 = TWeight.AddTwo(a3, r, s, w3, k);
        }

        if (k < columns)
        {
            var r = T.Load(x + k);
            a0 = T.FusedMultiplyAdd(r, TWeight.Load(w0, k), a0);
            a1 = T.FusedMultiplyAdd(r, TWeight.Load(w1, k), a1);
            a2 = T.FusedMultiplyAdd(r, TWeight.Load(w2, k), a2);
            a3 = T.FusedMultiplyAdd(r, TWeight.Load(w3, k), a3);
        }

        (sums[0], sums[1], sums[2], sums[3]) = (T.Fold(a0), T.Fold(a1), T.Fold(a2), T.Fold(a3));
    }

    private void TwoRows(float* weights, int first, int end, int row)
    {
        float* x0 = _x + ((long)row * _stride), x1 = x0 + _stride;
        for (var o = first; o < end; o += 2, weights += 2L * _w.FloatStride)
        {
            var next = weights + _w.FloatStride;
            T a0 = T.Splat(0f), a1 = a0, b0 = a0, b1 = a0;
            for (nint k = 0; k < _w.FloatStride; k += ILanes<T>.Count)
            {
                T v = T.Load(weights + k), u = T.Load(next + k), r = T.Load(x0 + k), s = T.Load(x1 + k);
                a0 = T.FusedMultiplyAdd(r, v, a0);
                b0 = T.FusedMultiplyAdd(r, u, b0);
                a1 = T.FusedMultiplyAdd(s, v, a1);
                b1 = T.FusedMultiplyAdd(s, u, b1);
            }

            Write(row, o, T.Fold(a0));
            Write(row, o + 1, T.Fold(b0));
            Write(row + 1, o, T.Fold(a1));
            Write(row + 1, o + 1, T.Fold(b1));
        }
    }

    /// <summary>Channels that pad the last panel are computed and dropped here.</summary>
    private void Write(int row, int o, float value)
    {
        if (o >= _w.OutFeatures)
        {
            return;
        }

        value = _bias == null ? value : value + _bias[o];
        var target = _y + (((long)row * _w.OutFeatures) + o);
        *target = _accumulate ? *target + value : value;
    }

    /// <summary>How a weight lies in memory.</summary>
    private interface IWeight
    {
        static abstract int Bytes { get; }

        static abstract T Load(byte* row, nint k);

        /// <summary>Two vectors' products with what follows each other in a row of weights, added to <paramref name="sum"/>.</summary>
        static abstract T AddTwo(T sum, T first, T second, byte* row, nint k);
    }

    /// <summary>Straight from memory.</summary>
    private readonly struct Halves : IWeight
    {
        public static int Bytes => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Load(byte* row, nint k) => T.LoadFiniteHalves((ushort*)row + k);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T AddTwo(T sum, T first, T second, byte* row, nint k)
        {
            CacheLine.Prefetch(row + (2 * k) + Ahead);
            return T.FusedMultiplyAdd(second, Load(row, k + ILanes<T>.Count), T.FusedMultiplyAdd(first, Load(row, k), sum));
        }
    }

    /// <summary>From scratch memory, which the caches hold.</summary>
    private readonly struct Singles : IWeight
    {
        public static int Bytes => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Load(byte* row, nint k) => T.Load((float*)row + k);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T AddTwo(T sum, T first, T second, byte* row, nint k) =>
            T.FusedMultiplyAdd(second, Load(row, k + ILanes<T>.Count), T.FusedMultiplyAdd(first, Load(row, k), sum));
    }
}
