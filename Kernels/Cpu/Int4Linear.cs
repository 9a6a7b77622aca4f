using QuaRot.Checkpoints;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>INT4 weights, still half a byte each: per panel, blocks of 8 columns x 16 channels in 64 bytes.</summary>
/// <remarks>
/// Byte 4·o + j of a block holds code + 8 of channel o at column j (low nibble) and at column 4 + j (high nibble), so that one 64-byte load
/// gives two vectors whose int32 lane o multiplies four columns of channel o. The offset 8 makes the codes unsigned, as the byte
/// multiplication wants them; 8·Σx is taken off afterwards.
/// </remarks>
internal sealed unsafe class Int4Linear : CpuLinear
{
    /// <summary>Columns of a block.</summary>
    public const int BlockColumns = 8;

    /// <summary>What is added to each code.</summary>
    public const int Offset = 8;

    private readonly HostMemory _codes;
    private readonly PanelScales _scales;

    public Int4Linear(LinearWeights source)
        : base(source)
    {
        Blocks = (InFeatures + BlockColumns - 1) / BlockColumns;
        _scales = new PanelScales(source, Panels, Groups);
        _codes = new HostMemory((long)Panels * Blocks * 64);
        Parallel.For(0, Panels, panel => PackPanel(source, panel));
    }

    /// <summary>Blocks of a panel.</summary>
    public int Blocks { get; }

    public override long Bytes => _codes.Bytes + _scales.Bytes + (4L * (Bias?.Length ?? 0));

    /// <summary>[blocks][64] of a panel.</summary>
    public byte* Panel(int panel) => _codes.Pointer + ((long)panel * Blocks * 64);

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
                var code = codes[(k / BlockColumns * 64) + (4 * o) + (k % 4)] >> (k % BlockColumns < 4 ? 0 : 4) & 15;
                scratch[(o * FloatStride) + k] = k < InFeatures ? (code - Offset) * scales[(k / GroupSize * PanelWidth) + o] : 0f;
            }
        }

        return scratch;
    }

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
    }

    private void PackPanel(LinearWeights source, int panel)
    {
        var target = Panel(panel);
        var data = source.Data.Span;
        for (var o = 0; o < PanelWidth; o++)
        {
            var row = (panel * PanelWidth) + o;
            for (var k = 0; k < Blocks * BlockColumns; k++)
            {
                // Beyond the matrix the activations are zero; so is the code, for the sake of FloatPanel.
                var nibble = 0;
                if (row < OutFeatures && k < InFeatures)
                {
                    nibble = data[(row * source.RowBytes) + (k / 2)] >> (4 * (k % 2)) & 15;
                }

                // Two's complement plus 8, modulo 16, is the sign bit turned over.
                var shift = k % BlockColumns < 4 ? 0 : 4;
                target[(k / BlockColumns * 64) + (4 * o) + (k % 4)] |= (byte)((nibble ^ Offset) << shift);
            }
        }
    }
}
