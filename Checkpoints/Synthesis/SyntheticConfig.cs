using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuaRot.Checkpoints.Synthesis;

/// <summary>Writes config.json and generation_config.json of a made-up checkpoint, as Hugging Face writes them.</summary>
internal static class SyntheticConfig
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };

    public static void Write(string folder, ModelShape shape)
    {
        ModelConfig config = shape.Config;
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(config.Architecture),
            ["model_type"] = config.Architecture.Replace("ForCausalLM", "", StringComparison.Ordinal).ToLowerInvariant(),
            ["hidden_size"] = config.HiddenSize,
            ["intermediate_size"] = config.IntermediateSize,
            ["num_hidden_layers"] = config.NumLayers,
            ["num_attention_heads"] = config.NumHeads,
            ["num_key_value_heads"] = config.NumKvHeads,
            ["head_dim"] = config.HeadDim,
            ["vocab_size"] = config.VocabSize,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = config.RmsNormEps,
            ["rope_theta"] = config.RopeTheta,
            ["rope_scaling"] = Scaling(config.RopeScaling),
            ["max_position_embeddings"] = config.MaxPositions,
            ["attention_bias"] = config.AttentionOutputBias,
            ["mlp_bias"] = config.MlpBias,
            ["tie_word_embeddings"] = config.TieWordEmbeddings,
            ["bos_token_id"] = SyntheticTokenizer.Begin,
            ["eos_token_id"] = SyntheticTokenizer.End,
            ["torch_dtype"] = shape.DType switch { "F16" => "float16", "BF16" => "bfloat16", _ => "float32" },
        };
        Save(folder, "config.json", json);
        Save(folder, "generation_config.json",
            new JsonObject { ["bos_token_id"] = SyntheticTokenizer.Begin, ["eos_token_id"] = new JsonArray(SyntheticTokenizer.End) });
    }

    private static JsonObject? Scaling(RopeScaling? scaling) => scaling?.Kind switch
    {
        null => null,
        RopeScalingKind.Linear => new JsonObject { ["rope_type"] = "linear", ["factor"] = scaling.Factor },
        _ => new JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = scaling.Factor,
            ["low_freq_factor"] = scaling.LowFreqFactor,
            ["high_freq_factor"] = scaling.HighFreqFactor,
            ["original_max_position_embeddings"] = scaling.OriginalMaxPositions,
        },
    };

    private static void Save(string folder, string name, JsonObject json) =>
        File.WriteAllText(Path.Combine(folder, name), json.ToJsonString(Format) + "\n");
}
