namespace QuaRot.Kernels.Sampling;

/// <summary>A token id and the natural log of its probability.</summary>
public readonly record struct TokenLogProb(int TokenId, float LogProb);
