using QuaRot.Checkpoints;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>Weights of 5 to 8 bits, a byte each: per panel, blocks of 2 columns x 16 channels in 32 bytes.</summary>
/// <remarks>
/// Byte 2·o + j of a block is the code of channel o at column j: widened to int16, a pair fills the int32 lane of its channel.
/// </remarks>
internal sealed unsafe class Int8Linear : CpuLinear
{
    /// <summary>Columns of a block.</summary>
    public const int BlockColumns = 2;

    private readonly HostMemory _codes;
    private readonly PanelScales _scales;

    public Int8Linear(LinearWeights source)
        : base(source)
    {
        Blocks = (InFeatures + BlockColumns - 1) / BlockColumns;
        _scales = new PanelScales(source, Panels, Groups);
        _codes = new HostMemory((long)Panels * Blocks * 32);
        var data = source.Data.Span;
        for (var row = 0; row < OutFeatures; row++)
        {
            var target = Panel(row / PanelWidth);
            for (var k = 0; k < InFeatures; k++)
            {
                target[(k / 2 * 32) + (row % PanelWidth * 2) + (k % 2)] = (sbyte)data[(row * InFeatures) + k];
            }
        }
    }

    /// <summary>Blocks of a panel.</summary>
    public int Blocks { get; }

    public override long Bytes => _codes.Bytes + _scales.Bytes + (4L * (Bias?.Length ?? 0));

    /// <summary>[blocks][32] of a panel.</summary>
    public sbyte* Panel(int panel) => (sbyte*)_codes.Pointer + ((long)panel * Blocks * 32);

    /// <summary>[groups][16] of a panel.</summary>
    public float* Scales(int panel) => _scales.Panel(panel);

    public override float* FloatPanel(int panel, float* scratch)
    {
        var codes = Panel(panel);
        var scales = Scales(panel);
        for (var o = 0; o < PanelWidth; o++)
        {
            for (var k = 0; k < FloatStride; k++)
            {
                scratch[(o * FloatStride) + k] = k < InFeatures
                    ? codes[(k / 2 * 32) + (o * 2) + (k % 2)] * scales[(k / GroupSize * PanelWidth) + o]
                    : 0f;
            }
        }

        return scratch;
    }

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
    }
}
