using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.Rotation;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Refuses what cannot work before hours are spent on it.</summary>
internal static class QuantizationCheck
{
    /// <summary>Checks the options by themselves.</summary>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public static void Options(QuantizationConfig options)
    {
        Bits(options.WeightBits, "weight bits");
        Bits(options.ActivationBits, "activation bits");
        Bits(options.KeyBits, "key bits");
        Bits(options.ValueBits, "value bits");
        Clip(options.ActivationClip, "activation clip");
        Clip(options.KvClip, "KV clip");
    }

    /// <summary>Checks that the model's sizes suit the options.</summary>
    /// <exception cref="ArgumentException">A group size does not divide a layer's inputs, or a size has no Hadamard matrix.</exception>
    public static void Model(ModelConfig config, QuantizationConfig options)
    {
        if (options.Rotate)
        {
            RotationPlan.For(config);
        }

        if (options.ActivationGroupSize > 0)
        {
            foreach (int width in (int[])[config.HiddenSize, config.NumHeads * config.HeadDim, config.IntermediateSize])
            {
                if (width % options.ActivationGroupSize != 0)
                {
                    throw new ArgumentException($"activation groups of {options.ActivationGroupSize} do not divide a linear layer's {width} inputs");
                }
            }
        }

        if (options.WeightBits == 16)
        {
            return;
        }

        WeightQuantizer.CheckShape("self_attn.q_proj", config.HiddenSize, options.WeightBits, options.GroupSize);
        WeightQuantizer.CheckShape("self_attn.o_proj", config.NumHeads * config.HeadDim, options.WeightBits, options.GroupSize);
        WeightQuantizer.CheckShape("mlp.down_proj", config.IntermediateSize, options.WeightBits, options.GroupSize);
    }

    /// <summary>Size of the tensors in bytes, scales included.</summary>
    internal static long EstimateBytes(ModelConfig config, QuantizationConfig options)
    {
        long hidden = config.HiddenSize;
        long attention = (2L * config.NumHeads) + (2L * config.NumKvHeads);
        long weights = (hidden * attention * config.HeadDim) + (3 * hidden * config.IntermediateSize);
        long bytes = options.WeightBits == 16 ? weights * 2 : options.WeightBits <= 4 ? weights / 2 : weights;
        long scales = options.WeightBits == 16 || options.GroupSize == 0 ? 0 : weights / options.GroupSize * 4;
        return (config.NumLayers * (bytes + scales)) + (4L * config.VocabSize * hidden);
    }

    private static void Bits(int bits, string name)
    {
        if (!IntegerRange.SupportedBits.Contains(bits))
        {
            throw new ArgumentException($"{name} must be one of {string.Join(", ", IntegerRange.SupportedBits)}, not {bits}");
        }
    }

    private static void Clip(float clip, string name)
    {
        if (!(clip > 0 && clip <= 1))
        {
            throw new ArgumentException($"{name} must be above 0 and at most 1, not {clip}");
        }
    }
}
