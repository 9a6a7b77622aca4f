namespace QuaRot.Checkpoints;

/// <summary>Everything one decoder layer needs.</summary>
public sealed record LayerWeights
{
    /// <summary>[hidden] gain of the norm before attention; null when it was fused into q, k and v.</summary>
    public float[]? InputNorm { get; init; }

    /// <summary>[hidden] added behind the norm before attention; null unless <see cref="QuantizationConfig.NormBias"/>.</summary>
    public float[]? InputNormBias { get; init; }

    /// <summary>[hidden] gain of the norm before the feed-forward network; null when it was fused into gate and up.</summary>
    public float[]? PostAttentionNorm { get; init; }

    /// <summary>[hidden] added behind the norm before the feed-forward network; null unless <see cref="QuantizationConfig.NormBias"/>.</summary>
    public float[]? PostAttentionNormBias { get; init; }

    /// <summary>[heads·head_dim, hidden]</summary>
    public required LinearWeights Q { get; init; }

    /// <summary>[kv_heads·head_dim, hidden]</summary>
    public required LinearWeights K { get; init; }

    /// <summary>[kv_heads·head_dim, hidden]</summary>
    public required LinearWeights V { get; init; }

    /// <summary>[hidden, heads·head_dim]</summary>
    public required LinearWeights O { get; init; }

    /// <summary>[intermediate, hidden]</summary>
    public required LinearWeights Gate { get; init; }

    /// <summary>[intermediate, hidden]</summary>
    public required LinearWeights Up { get; init; }

    /// <summary>[hidden, intermediate]</summary>
    public required LinearWeights Down { get; init; }

    /// <summary>The linear layers in the order of <see cref="DecoderLayout.Linears"/>.</summary>
    public IReadOnlyList<LinearWeights> Linears => [Q, K, V, O, Gate, Up, Down];
}
