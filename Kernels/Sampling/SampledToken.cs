namespace QuaRot.Kernels.Sampling;

/// <summary>A sampled token.</summary>
/// <param name="TokenId">Its id.</param>
/// <param name="LogProb">Natural log of its probability under the unmodified logits; NaN when not asked for.</param>
/// <param name="Top">The most likely tokens under the unmodified logits, descending, ties by lower id; empty when not asked for.</param>
public readonly record struct SampledToken(int TokenId, float LogProb, IReadOnlyList<TokenLogProb> Top);
