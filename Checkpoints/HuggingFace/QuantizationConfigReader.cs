using QuaRot.Checkpoints.Quantization;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>
/// Reads <c>quantization_config</c>. Every field is required: a lost one must not silently become a default that changes the numbers.
/// </summary>
internal static class QuantizationConfigReader
{
    /// <summary>Reads the object <paramref name="json"/> and checks that its groups fit the model.</summary>
    /// <exception cref="CheckpointException">Another quantization method, or a field that is missing or out of range.</exception>
    public static QuantizationConfig Read(JsonFields json, ModelConfig model)
    {
        string method = json.String("quant_method");
        if (method != QuantizationConfig.Method)
            throw json.Fault("quant_method", $"is {method}, which is not supported; only {QuantizationConfig.Method} is");
        return new QuantizationConfig
        {
            WeightBits = ReadBits(json, "weight_bits"),
            ActivationBits = ReadBits(json, "activation_bits"),
            KeyBits = ReadBits(json, "key_bits"),
            ValueBits = ReadBits(json, "value_bits"),
            GroupSize = ReadGroupSize(json, model),
            Rotate = json.Bool("rotate"),
            Seed = json.UInt64("seed"),
            ActivationClip = json.Float("activation_clip", 0, 1),
            KvClip = json.Float("kv_clip", 0, 1),
            WeightClipSearch = json.Bool("weight_clip_search"),
            SourceHash = json.String("source_hash"),
        };
    }

    private static int ReadBits(JsonFields json, string field)
    {
        int bits = json.Int(field, 1, 32);
        return IntegerRange.SupportedBits.Contains(bits)
            ? bits
            : throw json.Fault(field, $"is {bits}; supported: {string.Join(", ", IntegerRange.SupportedBits)}");
    }

    private static int ReadGroupSize(JsonFields json, ModelConfig model)
    {
        int group = json.Int("group_size", 0, 1 << 20);
        foreach (int inFeatures in (int[])[model.HiddenSize, model.IntermediateSize, model.NumHeads * model.HeadDim])
        {
            if (group > 0 && inFeatures % group != 0)
                throw json.Fault("group_size", $"is {group}, which does not divide a linear layer's {inFeatures} inputs");
        }

        return group;
    }
}
