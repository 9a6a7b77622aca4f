using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Which models the fused kernels compute; all others go op by op.</summary>
internal static class FusedSupport
{
    /// <summary>Why a model goes op by op; null where the fused kernels take it.</summary>
    public static string? WhyNot(ModelConfig config)
    {
        if (config.Quantization is not { } q)
        {
            return "its weights are not quantized";
        }

        if (q is not { Rotate: true, WeightBits: <= 4, ActivationBits: <= 8, KeyBits: <= 8, ValueBits: <= 8 })
        {
            return $"W{q.WeightBits}A{q.ActivationBits}K{q.KeyBits}V{q.ValueBits}{(q.Rotate ? "" : ", not rotated,")} is not made of 4-bit weights, "
                + "integer activations and an integer KV cache";
        }

        if (q.ActivationGroupSize > 0)
        {
            return $"activation groups of {q.ActivationGroupSize}: the fused kernels have one scale a token";
        }

        if (q.GroupSize is not (0 or W4Gemm.GroupSize))
        {
            return $"weight groups of {q.GroupSize}: the fused kernels have 128 and none";
        }

        var unit = q.GroupSize == 0 ? 64 : W4Gemm.GroupSize;
        if (config.HiddenSize % unit != 0 || config.IntermediateSize % unit != 0 || config.NumHeads * config.HeadDim % unit != 0)
        {
            return $"hidden size {config.HiddenSize}, {config.NumHeads} heads of {config.HeadDim} and intermediate size {config.IntermediateSize} "
                + $"are not all multiples of {unit}";
        }

        return config.HeadDim is 64 or 128 ? null : $"heads of {config.HeadDim} elements: the fused kernels have 64 and 128";
    }
}
