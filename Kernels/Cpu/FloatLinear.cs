using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>FP16 or FP32 weights: [panels·16, FloatStride] in their own format, padded with zeros; BF16 becomes FP32.</summary>
/// <remarks>FP16 matrices that hold infinities or NaNs are kept as FP32, so that the kernels need not look for them.</remarks>
internal sealed unsafe class FloatLinear : CpuLinear
{
    private readonly HostMemory _memory;
    private readonly int _rowBytes;

    public FloatLinear(LinearWeights source)
        : base(source)
    {
        IsHalf = source.Format == WeightFormat.Float16 && IsFinite(source.Data.Span);
        _rowBytes = FloatStride * (IsHalf ? 2 : 4);
        _memory = new HostMemory((long)Panels * PanelWidth * _rowBytes);
        Parallel.For(0, OutFeatures, row => CopyRow(source, row));
    }

    /// <summary>True where the rows are FP16, all of it finite.</summary>
    public bool IsHalf { get; }

    public override long Bytes => _memory.Bytes + (4L * (Bias?.Length ?? 0));

    /// <summary>The 16 rows of a panel in their format.</summary>
    public byte* Panel(int panel) => _memory.Pointer + ((long)panel * PanelWidth * _rowBytes);

    public override float* FloatPanel(int panel, float* scratch)
    {
        var source = Panel(panel);
        if (!IsHalf)
        {
            return (float*)source;
        }

        for (var i = 0; i < PanelWidth * FloatStride; i += 16)
        {
            Lanes256.Store(scratch + i, Lanes256.LoadFiniteHalves((ushort*)source + i));
        }

        return scratch;
    }

    public override void Dispose() => _memory.Dispose();

    private static bool IsFinite(ReadOnlySpan<byte> halves)
    {
        foreach (var half in MemoryMarshal.Cast<byte, ushort>(halves))
        {
            if ((half & HalfBits.Infinity) == HalfBits.Infinity)
            {
                return false;
            }
        }

        return true;
    }

    private void CopyRow(LinearWeights source, int row)
    {
        var from = source.Data.Span.Slice(row * source.RowBytes, source.RowBytes);
        var to = new Span<byte>(_memory.Pointer + ((long)row * _rowBytes), _rowBytes);
        if (IsHalf || source.Format == WeightFormat.Float32)
        {
            from.CopyTo(to);
            return;
        }

        var floats = MemoryMarshal.Cast<byte, float>(to);
        if (source.Format == WeightFormat.BFloat16)
        {
            BFloat16.Widen(from, floats);
            return;
        }

        for (var k = 0; k < InFeatures; k++)
        {
            floats[k] = (float)MemoryMarshal.Cast<byte, Half>(from)[k];
        }
    }
}
