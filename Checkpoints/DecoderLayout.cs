namespace QuaRot.Checkpoints;

/// <summary>Names and shapes of the tensors of a Llama-family decoder, which Hugging Face and QuaRot checkpoints share.</summary>
public sealed class DecoderLayout(ModelConfig config)
{
    /// <summary>[hidden] gain of the norm before lm_head.</summary>
    public const string FinalNorm = "model.norm.weight";

    private readonly bool _normBias = config.Quantization?.NormBias ?? false;
    private readonly int _hidden = config.HiddenSize;
    private readonly int _queries = config.NumHeads * config.HeadDim;
    private readonly int _keys = config.NumKvHeads * config.HeadDim;

    /// <summary>True where the gains of norms were fused into the linear layers behind them, as in every rotated checkpoint.</summary>
    public bool FusesNorms => config.Quantization is { Rotate: true };

    /// <summary>The embedding.</summary>
    public LinearShape EmbeddingTable => new("model.embed_tokens", config.VocabSize, _hidden, HasBias: false);

    /// <summary>lm_head, which a tied checkpoint does not hold.</summary>
    public LinearShape LmHead => new("lm_head", config.VocabSize, _hidden, HasBias: false);

    /// <summary>[hidden] gain of the norm before attention.</summary>
    public static string InputNorm(int layer) => $"model.layers.{layer}.input_layernorm.weight";

    /// <summary>[hidden] gain of the norm before the feed-forward network.</summary>
    public static string PostAttentionNorm(int layer) => $"model.layers.{layer}.post_attention_layernorm.weight";

    /// <summary>[hidden] added behind the norm before attention.</summary>
    public static string InputNormBias(int layer) => $"model.layers.{layer}.input_layernorm.bias";

    /// <summary>[hidden] added behind the norm before the feed-forward network.</summary>
    public static string PostAttentionNormBias(int layer) => $"model.layers.{layer}.post_attention_layernorm.bias";

    /// <summary>The seven linear layers of a decoder layer: q, k, v, o, gate, up, down.</summary>
    public IReadOnlyList<LinearShape> Linears(int layer)
    {
        LinearShape Shape(string name, int rows, int columns, bool bias) => new($"model.layers.{layer}.{name}", rows, columns, bias);
        return
        [
            Shape("self_attn.q_proj", _queries, _hidden, config.QkvBias || _normBias),
            Shape("self_attn.k_proj", _keys, _hidden, config.QkvBias || _normBias),
            Shape("self_attn.v_proj", _keys, _hidden, config.QkvBias || _normBias),
            Shape("self_attn.o_proj", _hidden, _queries, config.AttentionOutputBias),
            Shape("mlp.gate_proj", config.IntermediateSize, _hidden, config.MlpBias || _normBias),
            Shape("mlp.up_proj", config.IntermediateSize, _hidden, config.MlpBias || _normBias),
            Shape("mlp.down_proj", _hidden, config.IntermediateSize, config.MlpBias),
        ];
    }

    /// <summary>Reads a decoder layer tensor by tensor.</summary>
    /// <param name="layer">Counted from 0.</param>
    /// <param name="linear">Reads a linear layer.</param>
    /// <param name="vector">Reads what a norm has, [hidden], by its name; not called for a gain that was fused into the next linear layer.</param>
    /// <exception cref="ArgumentOutOfRangeException">The model has no such layer.</exception>
    public LayerWeights Read(int layer, Func<LinearShape, LinearWeights> linear, Func<string, float[]> vector)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, config.NumLayers);
        LinearWeights[] weights = [.. Linears(layer).Select(linear)];
        return new LayerWeights
        {
            InputNorm = FusesNorms ? null : vector(InputNorm(layer)),
            InputNormBias = _normBias ? vector(InputNormBias(layer)) : null,
            PostAttentionNorm = FusesNorms ? null : vector(PostAttentionNorm(layer)),
            PostAttentionNormBias = _normBias ? vector(PostAttentionNormBias(layer)) : null,
            Q = weights[0],
            K = weights[1],
            V = weights[2],
            O = weights[3],
            Gate = weights[4],
            Up = weights[5],
            Down = weights[6],
        };
    }
}
