using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;

namespace QuaRot.Kernels.Cpu;

/// <summary>Where the integer GEMMs of one panel leave their 16 results of a row: bias, addition to y, ragged last panel.</summary>
internal readonly unsafe struct GemmOutput<T>
    where T : unmanaged, ILanes<T>
{
    private readonly float* _y;
    private readonly float* _bias;
    private readonly long _stride;
    private readonly int _count;
    private readonly bool _accumulate;

    /// <param name="y">[rows, out]</param>
    /// <param name="bias">[panels·16] or null.</param>
    /// <param name="outFeatures">Out.</param>
    /// <param name="panel">Which panel.</param>
    /// <param name="accumulate">True to add to y.</param>
    public GemmOutput(float* y, float* bias, int outFeatures, int panel, bool accumulate)
    {
        var first = panel * CpuLinear.PanelWidth;
        _y = y + first;
        _bias = bias == null ? null : bias + first;
        _stride = outFeatures;
        _count = Math.Min(CpuLinear.PanelWidth, outFeatures - first);
        _accumulate = accumulate;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int row, T value)
    {
        var target = _y + (row * _stride);
        value = _bias == null ? value : value + T.Load(_bias);
        value = _accumulate ? LaneMath<T>.Load(target, _count) + value : value;
        LaneMath<T>.Store(target, value, _count);
    }
}
