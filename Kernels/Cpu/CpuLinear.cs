using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Cpu;

/// <summary>A linear layer repacked for the CPU, in panels of 16 output channels.</summary>
internal abstract unsafe class CpuLinear : PackedLinear
{
    /// <summary>Output channels of a panel: the int32 lanes of one accumulator.</summary>
    public const int PanelWidth = 16;

    protected CpuLinear(LinearWeights source)
        : base(source)
    {
        LinearWeightsCheck.Require(source);
        Panels = (OutFeatures + PanelWidth - 1) / PanelWidth;
        FloatStride = (InFeatures + 15) / 16 * 16;
        Bias = source.Bias is null ? null : [.. source.Bias, .. new float[(Panels * PanelWidth) - OutFeatures]];
    }

    /// <summary>Panels, the last one padded with zero channels.</summary>
    public int Panels { get; }

    /// <summary>Columns of a row of <see cref="FloatPanel"/>.</summary>
    public int FloatStride { get; }

    /// <summary>[panels·16] or null.</summary>
    public float[]? Bias { get; }

    /// <summary>The rows of a panel as floats, [16, <see cref="FloatStride"/>], padded with zeros.</summary>
    /// <param name="panel">Which panel.</param>
    /// <param name="scratch">Memory for it; left alone where the weights are stored as floats.</param>
    public abstract float* FloatPanel(int panel, float* scratch);

    /// <summary>Packs a layer in the layout of its format.</summary>
    public static CpuLinear Pack(LinearWeights source) => source.Format switch
    {
        WeightFormat.Int4 => new Int4Linear(source),
        WeightFormat.Int8 => new Int8Linear(source),
        _ => new FloatLinear(source),
    };
}
