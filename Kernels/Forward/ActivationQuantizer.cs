using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Forward;

/// <summary>Which op makes the input of a linear layer.</summary>
public static class ActivationQuantizer
{
    /// <summary>Quantizes rows for the next GEMM.</summary>
    /// <param name="ops">Where.</param>
    /// <param name="quantization">Bits and groups; null for floats.</param>
    /// <param name="x">[rows, width]</param>
    /// <param name="y">Takes them.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    public static void Run(Backend ops, QuantizationConfig? quantization, FloatBuffer x, QuantizedRows y, int rows, int width, float clip)
    {
        if (quantization is { ActivationGroupSize: > 0 and var group, ActivationBits: <= 8 and var bits })
        {
            ops.RoundGroups(x, y, rows, width, group, bits, clip);
            return;
        }

        ops.QuantizePerToken(x, y, rows, width, quantization?.ActivationBits ?? 16, clip);
    }
}
