using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Writes the JSON files of a QuaRot checkpoint.</summary>
internal static class ConfigWriter
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The source's config.json with every field it has, untied, and with <c>quantization_config</c>.</summary>
    public static void WriteConfig(string sourceFile, string destinationFile, QuantizationConfig quantization)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllBytes(sourceFile))!.AsObject();
        json["tie_word_embeddings"] = false;
        json["quantization_config"] = new JsonObject
        {
            ["quant_method"] = QuantizationConfig.Method,
            ["weight_bits"] = quantization.WeightBits,
            ["activation_bits"] = quantization.ActivationBits,
            ["key_bits"] = quantization.KeyBits,
            ["value_bits"] = quantization.ValueBits,
            ["group_size"] = quantization.GroupSize,
            ["activation_group_size"] = quantization.ActivationGroupSize,
            ["rotate"] = quantization.Rotate,
            ["norm_bias"] = quantization.NormBias,
            ["seed"] = quantization.Seed,
            ["activation_clip"] = ActivationClip(quantization),
            ["kv_clip"] = quantization.KvClip,
            ["weight_clip_search"] = quantization.WeightClipSearch,
            ["weight_method"] = quantization.WeightMethod.ToString().ToLowerInvariant(),
            ["source_hash"] = quantization.SourceHash,
        };
        File.WriteAllText(destinationFile, json.ToJsonString(Format) + "\n");
    }

    /// <summary>One ratio, or an array of four for each layer.</summary>
    private static JsonNode ActivationClip(QuantizationConfig quantization) => quantization.ActivationClips is not { } clips
        ? JsonValue.Create(quantization.ActivationClip)
        : new JsonArray([.. Enumerable.Range(0, clips.Layers).Select(layer =>
            new JsonArray([.. clips.OfLayer(layer).Select(ratio => JsonValue.Create(ratio))]))]);

    /// <summary>The index that says which file holds each tensor.</summary>
    public static void WriteIndex(string file, IReadOnlyDictionary<string, string> fileOfTensor, long totalBytes)
    {
        var map = new JsonObject();
        foreach ((string tensor, string name) in fileOfTensor.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            map[tensor] = name;
        }

        var json = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = totalBytes }, ["weight_map"] = map };
        File.WriteAllText(file, json.ToJsonString(Format) + "\n");
    }
}
