using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>
/// Float GEMM of 16-lane sums: weights and activations are floats, or are turned into floats first. One panel of 16 channels.
/// </summary>
/// <remarks>
/// The lanes run along k, as the arithmetic is specified. A tile of 4 rows x 2 channels has 8 independent sums, enough to hide the latency
/// of the multiply-add; a panel of weights is widened once for all rows.
/// </remarks>
internal sealed unsafe class FloatGemm<T>(HostRows x, CpuLinear w, float* y, bool accumulate)
    where T : unmanaged, ILanes<T>
{
    private readonly HostRows _x = x;
    private readonly float* _floats = x.Floats();
    private readonly CpuLinear _w = w;
    private readonly float* _y = y;

    /// <summary>Bytes of scratch that <see cref="Panel"/> needs.</summary>
    public long ScratchBytes => (long)CpuLinear.PanelWidth * _w.FloatStride * sizeof(float);

    public void Panel(int panel, float* scratch)
    {
        var weights = _w.FloatPanel(panel, scratch);
        var first = panel * CpuLinear.PanelWidth;
        var count = Math.Min(CpuLinear.PanelWidth, _w.OutFeatures - first);
        var row = 0;
        for (; row + 4 <= _x.Rows; row += 4)
        {
            for (var o = 0; o < count; o += 2)
            {
                FourRows(row, weights + ((long)o * _w.FloatStride), first + o);
            }
        }

        for (; row < _x.Rows; row++)
        {
            for (var o = 0; o < count; o += 4)
            {
                OneRow(row, weights + ((long)o * _w.FloatStride), first + o);
            }
        }
    }

    private void FourRows(int row, float* w0, int o)
    {
        var x0 = _floats + ((long)row * _x.Stride);
        float* x1 = x0 + _x.Stride, x2 = x1 + _x.Stride, x3 = x2 + _x.Stride, w1 = w0 + _w.FloatStride;
        T a0 = T.Splat(0f), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (var k = 0; k < _w.FloatStride; k += ILanes<T>.Count)
        {
            T v = T.Load(w0 + k), u = T.Load(w1 + k);
            T r0 = T.Load(x0 + k), r1 = T.Load(x1 + k);
            a0 = T.FusedMultiplyAdd(r0, v, a0);
            b0 = T.FusedMultiplyAdd(r0, u, b0);
            a1 = T.FusedMultiplyAdd(r1, v, a1);
            b1 = T.FusedMultiplyAdd(r1, u, b1);
            T r2 = T.Load(x2 + k), r3 = T.Load(x3 + k);
            a2 = T.FusedMultiplyAdd(r2, v, a2);
            b2 = T.FusedMultiplyAdd(r2, u, b2);
            a3 = T.FusedMultiplyAdd(r3, v, a3);
            b3 = T.FusedMultiplyAdd(r3, u, b3);
        }

        Write(row, o, T.Fold(a0));
        Write(row + 1, o, T.Fold(a1));
        Write(row + 2, o, T.Fold(a2));
        Write(row + 3, o, T.Fold(a3));
        Write(row, o + 1, T.Fold(b0));
        Write(row + 1, o + 1, T.Fold(b1));
        Write(row + 2, o + 1, T.Fold(b2));
        Write(row + 3, o + 1, T.Fold(b3));
    }

    private void OneRow(int row, float* w0, int o)
    {
        var x = _floats + ((long)row * _x.Stride);
        float* w1 = w0 + _w.FloatStride, w2 = w1 + _w.FloatStride, w3 = w2 + _w.FloatStride;
        T a0 = T.Splat(0f), a1 = a0, a2 = a0, a3 = a0;
        for (var k = 0; k < _w.FloatStride; k += ILanes<T>.Count)
        {
            var r = T.Load(x + k);
            a0 = T.FusedMultiplyAdd(r, T.Load(w0 + k), a0);
            a1 = T.FusedMultiplyAdd(r, T.Load(w1 + k), a1);
            a2 = T.FusedMultiplyAdd(r, T.Load(w2 + k), a2);
            a3 = T.FusedMultiplyAdd(r, T.Load(w3 + k), a3);
        }

        Write(row, o, T.Fold(a0));
        Write(row, o + 1, T.Fold(a1));
        Write(row, o + 2, T.Fold(a2));
        Write(row, o + 3, T.Fold(a3));
    }

    /// <summary>Channels that pad the last panel are computed and dropped here.</summary>
    private void Write(int row, int o, float value)
    {
        if (o >= _w.OutFeatures)
        {
            return;
        }

        value = _w.Bias is null ? value : value + _w.Bias[o];
        var target = _y + (((long)row * _w.OutFeatures) + o);
        *target = accumulate ? *target + value : value;
    }
}
