using QuaRot.Checkpoints;

namespace QuaRot.Kernels;

/// <summary>Says in words which parts of a quantized model run on a slower kernel than INT4 weights and activations do.</summary>
/// <remarks>
/// Every combination of bits runs. The linear layers have an INT4 and an INT8 kernel for integers on both sides; where one side is 16 bits
/// both become floats.
/// </remarks>
public static class ComputePath
{
    /// <summary>One line for each such part, for people; empty where all runs on the INT4 kernels, or nothing is quantized.</summary>
    public static IReadOnlyList<string> Slower(QuantizationConfig? quantization)
    {
        var lines = new List<string>();
        if (quantization is null)
        {
            return lines;
        }

        var (weights, activations) = (quantization.WeightBits, quantization.ActivationBits);
        var linear = (weights, activations) switch
        {
            (16, 16) => "computed by the slower float32 kernel",
            (16, _) => $"computed by the slower float32 kernel; activations are rounded to {activations} bits and widened",
            (_, 16) => "computed by the slower float32 kernel; weights are widened as they are read",
            ( > 4, _) => "computed by the slower INT8 kernel; weights take 8 bits each",
            (3, _) => "computed by the INT4 kernel; weights take 4 bits each",
            _ => null,
        };
        if (quantization.ActivationGroupSize > 0 && activations <= 8)
        {
            lines.Add($"W{weights}A{activations}, activations in groups of {quantization.ActivationGroupSize}: computed by the slower float32 kernel; both sides are widened");
        }
        else if (linear is not null)
        {
            lines.Add($"W{weights}A{activations}: {linear}");
        }

        AddCache(lines, 'K', quantization.KeyBits);
        AddCache(lines, 'V', quantization.ValueBits);
        return lines;
    }

    private static void AddCache(List<string> lines, char name, int bits)
    {
        if (bits is 3 or 5 or 6 or 7)
        {
            lines.Add($"{name}{bits}: the cache takes {(bits <= 4 ? 4 : 8)} bits an element");
        }
    }
}
