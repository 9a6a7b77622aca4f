using System.Text.Json;
using QuaRot.Checkpoints.Quantization;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>
/// Reads <c>quantization_config</c>. Every field is required: a lost one must not silently become a default that changes the numbers.
/// </summary>
internal static class QuantizationConfigReader
{
    private const int LargestGroup = 1 << 20;

    /// <summary>Reads the object <paramref name="json"/> and checks that its groups fit the model.</summary>
    /// <exception cref="CheckpointException">Another quantization method, or a field that is missing or out of range.</exception>
    public static QuantizationConfig Read(JsonFields json, ModelConfig model)
    {
        string method = json.String("quant_method");
        if (method != QuantizationConfig.Method)
            throw json.Fault("quant_method", $"is {method}, which is not supported; only {QuantizationConfig.Method} is");
        ActivationClips? clips = ReadClips(json, model);
        return new QuantizationConfig
        {
            WeightBits = ReadBits(json, "weight_bits"),
            ActivationBits = ReadBits(json, "activation_bits"),
            KeyBits = ReadBits(json, "key_bits"),
            ValueBits = ReadBits(json, "value_bits"),
            GroupSize = ReadGroupSize(json, json.Int("group_size", 0, LargestGroup), "group_size", model),
            ActivationGroupSize = ReadGroupSize(json, json.OptionalInt("activation_group_size", 0, LargestGroup) ?? 0, "activation_group_size", model),
            Rotate = json.Bool("rotate"),
            NormBias = json.OptionalBool("norm_bias") ?? false,
            Seed = json.UInt64("seed"),
            ActivationClip = clips is null ? json.Float("activation_clip", 0, 1) : new QuantizationConfig().ActivationClip,
            ActivationClips = clips,
            KvClip = json.Float("kv_clip", 0, 1),
            WeightClipSearch = json.Bool("weight_clip_search"),
            WeightMethod = ReadMethod(json),
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

    /// <summary>Null where activation_clip is one number for all.</summary>
    private static ActivationClips? ReadClips(JsonFields json, ModelConfig model)
    {
        JsonElement value = json.Get("activation_clip");
        if (value.ValueKind != JsonValueKind.Array)
            return null;
        try
        {
            var clips = new ActivationClips(value.EnumerateArray().Select(
                layer => layer.EnumerateArray().Select(ratio => ratio.GetSingle()).ToArray()).ToArray());
            return clips.Layers == model.NumLayers
                ? clips
                : throw json.Fault("activation_clip", $"has {clips.Layers} layers, the model {model.NumLayers}");
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException)
        {
            throw json.Fault("activation_clip", $"is neither a number nor an array of arrays of {ActivationClips.Sites}: {e.Message}");
        }
    }

    /// <summary>Says only how the weights came about; absent from checkpoints that were written before there was a choice.</summary>
    private static WeightMethod ReadMethod(JsonFields json) => json.OptionalString("weight_method") switch
    {
        null or "rtn" => WeightMethod.Rtn,
        "gptq" => WeightMethod.Gptq,
        var other => throw json.Fault("weight_method", $"is {other}; supported: rtn, gptq"),
    };

    private static int ReadGroupSize(JsonFields json, int group, string field, ModelConfig model)
    {
        foreach (int inFeatures in (int[])[model.HiddenSize, model.IntermediateSize, model.NumHeads * model.HeadDim])
        {
            if (group > 0 && inFeatures % group != 0)
                throw json.Fault(field, $"is {group}, which does not divide a linear layer's {inFeatures} inputs");
        }

        return group;
    }
}
