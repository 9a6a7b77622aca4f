using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>FP16 or FP32 weights: [panels·16, FloatStride] in their own format, padded with zeros; BF16 becomes FP32.</summary>
internal sealed unsafe class FloatLinear : CpuLinear
{
    private readonly HostMemory _memory;
    private readonly int _rowBytes;
    private readonly bool _isHalf;

    public FloatLinear(LinearWeights source)
        : base(source)
    {
        _isHalf = source.Format == WeightFormat.Float16;
        _rowBytes = FloatStride * (_isHalf ? 2 : 4);
        _memory = new HostMemory((long)Panels * PanelWidth * _rowBytes);
        for (var row = 0; row < OutFeatures; row++)
        {
            var elements = source.Data.Span.Slice(row * source.RowBytes, source.RowBytes);
            var target = new Span<byte>(_memory.Pointer + ((long)row * _rowBytes), _rowBytes);
            if (source.Format == WeightFormat.BFloat16)
            {
                BFloat16.Widen(elements, MemoryMarshal.Cast<byte, float>(target));
            }
            else
            {
                elements.CopyTo(target);
            }
        }
    }

    public override long Bytes => _memory.Bytes + (4L * (Bias?.Length ?? 0));

    public override float* FloatPanel(int panel, float* scratch)
    {
        var source = _memory.Pointer + ((long)panel * PanelWidth * _rowBytes);
        if (!_isHalf)
        {
            return (float*)source;
        }

        Widen((ushort*)source, scratch, PanelWidth * FloatStride);
        return scratch;
    }

    public override void Dispose() => _memory.Dispose();

    /// <summary>Exact, so that the vector width cannot show.</summary>
    private static void Widen(ushort* source, float* target, int count)
    {
        for (var i = 0; i < count; i += 16)
        {
            if (Lanes.Lanes512.IsFast)
            {
                Lanes.Lanes512.Store(target + i, Lanes.Lanes512.LoadHalves(source + i));
            }
            else
            {
                Lanes.Lanes256.Store(target + i, Lanes.Lanes256.LoadHalves(source + i));
            }
        }
    }
}
