namespace QuaRot.Checkpoints;

/// <summary>Shape and constants of a Llama-family decoder, as config.json states them.</summary>
public sealed record ModelConfig
{
    /// <summary>The first entry of <c>architectures</c>, for example <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward network between gate/up and down projection.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of decoder layers.</summary>
    public required int NumLayers { get; init; }

    /// <summary>Number of query heads.</summary>
    public required int NumHeads { get; init; }

    /// <summary>Number of key/value heads; <see cref="NumHeads"/> is a multiple of it (grouped-query attention).</summary>
    public required int NumKvHeads { get; init; }

    /// <summary>Width of one attention head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Rows of the embedding and of lm_head.</summary>
    public required int VocabSize { get; init; }

    /// <summary>The epsilon under the root of rms_norm.</summary>
    public required float RmsNormEps { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public required float RopeTheta { get; init; }

    /// <summary>How the rotary frequencies are stretched; null where they are not.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>
    /// Longest context in tokens: <c>max_position_embeddings</c>, or the sliding window of attention where that is shorter, as up to
    /// there both are the same.
    /// </summary>
    public required int MaxPositions { get; init; }

    /// <summary>True when q, k and v projection have a bias.</summary>
    public bool QkvBias { get; init; }

    /// <summary>True when the output projection of attention has a bias.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>True when gate, up and down projection have a bias.</summary>
    public bool MlpBias { get; init; }

    /// <summary>True when lm_head is the embedding (never in a QuaRot checkpoint).</summary>
    public required bool TieWordEmbeddings { get; init; }

    /// <summary>Token that starts every text; null when the model has none.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end an answer.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>How the checkpoint was quantized; null for an unquantized Hugging Face checkpoint.</summary>
    public QuantizationConfig? Quantization { get; init; }
}
