namespace QuaRot.Checkpoints.QuaRot;

/// <summary>
/// Names of tensors and files in a QuaRot checkpoint. Hugging Face's names, plus one suffix for scales; frozen by the files that exist.
/// </summary>
internal static class TensorNames
{
    public const string Embedding = "model.embed_tokens";
    public const string FinalNorm = "model.norm.weight";
    public const string LmHead = "lm_head";
    public const string EmbedHeadFile = "model-embed-head.safetensors";

    public static string LayerFile(int layer) => $"model-layer-{layer:D5}.safetensors";

    public static string InputNorm(int layer) => $"model.layers.{layer}.input_layernorm.weight";

    public static string PostAttentionNorm(int layer) => $"model.layers.{layer}.post_attention_layernorm.weight";

    /// <summary>The linear layers of a decoder layer under their names, without the suffix <c>.weight</c>.</summary>
    public static IEnumerable<(string Name, LinearWeights Weights)> Linears(int layer, LayerWeights weights)
    {
        string prefix = $"model.layers.{layer}.";
        yield return (prefix + "self_attn.q_proj", weights.Q);
        yield return (prefix + "self_attn.k_proj", weights.K);
        yield return (prefix + "self_attn.v_proj", weights.V);
        yield return (prefix + "self_attn.o_proj", weights.O);
        yield return (prefix + "mlp.gate_proj", weights.Gate);
        yield return (prefix + "mlp.up_proj", weights.Up);
        yield return (prefix + "mlp.down_proj", weights.Down);
    }
}
