using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Backends;

/// <summary>What every backend demands of a linear layer before it packs it.</summary>
internal static class LinearWeightsCheck
{
    /// <summary>Group sizes are multiples of it, so that a vector of codes never straddles two groups.</summary>
    public const int GroupUnit = 64;

    /// <exception cref="ArgumentException">
    /// Sizes contradict each other, or a sum of products could pass int32; names the tensor.
    /// </exception>
    public static void Require(LinearWeights w)
    {
        var isInteger = w.Format is WeightFormat.Int4 or WeightFormat.Int8;
        Demand(w, w.OutFeatures > 0 && w.InFeatures > 0, $"[{w.OutFeatures}, {w.InFeatures}] is empty");
        Demand(w, w.Format != WeightFormat.Int4 || w.InFeatures % 2 == 0, $"INT4 needs an even number of columns, got {w.InFeatures}");
        var bytes = (long)w.RowBytes * w.OutFeatures;
        Demand(w, w.Data.Length == bytes, $"holds {w.Data.Length} bytes, [{w.OutFeatures}, {w.InFeatures}] {w.Format} needs {bytes}");
        Demand(w, w.Bias is null || w.Bias.Length == w.OutFeatures, $"bias has {w.Bias?.Length} elements, not {w.OutFeatures}");
        Demand(w, w.GroupSize == 0 || (w.GroupSize % GroupUnit == 0 && w.InFeatures % w.GroupSize == 0 && isInteger),
            $"group size {w.GroupSize} must be a multiple of {GroupUnit} that divides {w.InFeatures} columns of an integer format");
        if (!isInteger)
        {
            return;
        }

        var group = w.GroupSize == 0 ? w.InFeatures : w.GroupSize;
        var scales = (long)w.OutFeatures * (w.InFeatures / group);
        Demand(w, w.Scales.Length == scales, $"has {w.Scales.Length} scales, not {scales}");

        // |activation| <= 2^7 and |weight| <= 2^(bits-1): the largest group whose sum of products fits int32.
        var limit = int.MaxValue / (128 * (w.Format == WeightFormat.Int4 ? 8 : 128));
        Demand(w, group <= limit, $"{group} columns under one scale could overflow int32; the limit is {limit}");
    }

    private static void Demand(LinearWeights w, bool holds, string problem)
    {
        if (!holds)
        {
            throw new ArgumentException($"{w.Name}: {problem}");
        }
    }
}
