namespace QuaRot.Checkpoints;

/// <summary>What turns the residual stream into logits.</summary>
public sealed record HeadWeights
{
    /// <summary>[hidden] gain of the final norm; null when it was fused into <see cref="LmHead"/>.</summary>
    public float[]? FinalNorm { get; init; }

    /// <summary>[vocab, hidden], a float format.</summary>
    public required LinearWeights LmHead { get; init; }
}
