using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>Weights of 5 to 8 bits times codes of 3 to 8 bits. One panel of 16 channels against all rows.</summary>
/// <remarks>Both sides are widened to int16, since products of full bytes would saturate; pairs of columns add up to int32.</remarks>
internal readonly unsafe struct Int8Gemm<T, TBytes>(HostRows x, Int8Linear w, float* y, float* bias, bool accumulate) : IWork
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private readonly HostRows _x = x;
    private readonly Int8Linear _w = w;
    private readonly float* _y = y;
    private readonly float* _bias = bias;
    private readonly short* _codes = x.Shorts();
    private readonly bool _accumulate = accumulate;

    public void Run(int panel, int worker)
    {
        var output = new GemmOutput<T>(_y, _bias, _w.OutFeatures, panel, _accumulate);
        for (var row = 0; row < _x.Rows; row += 4)
        {
            FourRows(panel, row, output);
        }
    }

    /// <summary>Rows beyond the last are the last one again, and not written.</summary>
    private void FourRows(int panel, int row, GemmOutput<T> output)
    {
        T t0 = T.Splat(0f), t1 = t0, t2 = t0, t3 = t0;
        var ints = stackalloc int[4 * CpuLinear.PanelWidth];
        for (var group = 0; group < _w.Groups; group++)
        {
            MultiplyFour(_w.Panel(panel), row, group, ints);
            var scale = T.Load(_w.Scales(panel) + (group * CpuLinear.PanelWidth));
            t0 = T.FusedMultiplyAdd(T.LoadInts(ints), scale, t0);
            t1 = T.FusedMultiplyAdd(T.LoadInts(ints + 16), scale, t1);
            t2 = T.FusedMultiplyAdd(T.LoadInts(ints + 32), scale, t2);
            t3 = T.FusedMultiplyAdd(T.LoadInts(ints + 48), scale, t3);
        }

        Write(output, row, t0);
        Write(output, row + 1, t1);
        Write(output, row + 2, t2);
        Write(output, row + 3, t3);
    }

    private void MultiplyFour(sbyte* codes, int row, int group, int* ints)
    {
        short* x0 = Row(row), x1 = Row(row + 1), x2 = Row(row + 2), x3 = Row(row + 3);
        TBytes a0 = TBytes.Zero, a1 = a0, a2 = a0, a3 = a0;
        var first = _w.Groups == 1 ? 0 : group * _w.GroupSize / Int8Linear.BlockColumns;
        var end = _w.Groups == 1 ? _w.Blocks : (group + 1) * _w.GroupSize / Int8Linear.BlockColumns;
        for (var block = first; block < end; block++)
        {
            var weights = TBytes.LoadWidened(codes + (block * 32L));
            var k = block * Int8Linear.BlockColumns;
            a0 = TBytes.MultiplyAddShorts(weights, TBytes.Repeat(x0 + k), a0);
            a1 = TBytes.MultiplyAddShorts(weights, TBytes.Repeat(x1 + k), a1);
            a2 = TBytes.MultiplyAddShorts(weights, TBytes.Repeat(x2 + k), a2);
            a3 = TBytes.MultiplyAddShorts(weights, TBytes.Repeat(x3 + k), a3);
        }

        TBytes.StoreInts(ints, a0);
        TBytes.StoreInts(ints + 16, a1);
        TBytes.StoreInts(ints + 32, a2);
        TBytes.StoreInts(ints + 48, a3);
    }

    private short* Row(int row) => _codes + ((long)Math.Min(row, _x.Rows - 1) * _x.Stride);

    private void Write(GemmOutput<T> output, int row, T value)
    {
        if (row < _x.Rows)
        {
            output.Write(row, value * T.Splat(_x.Scales[row]));
        }
    }
}
