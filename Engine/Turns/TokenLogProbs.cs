using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Turns;

/// <summary>The log-probability of a token of the answer and of its most likely rivals.</summary>
/// <param name="TokenId">The token.</param>
/// <param name="LogProb">Natural log of its probability.</param>
/// <param name="Top">The most likely tokens, descending.</param>
public sealed record TokenLogProbs(int TokenId, float LogProb, IReadOnlyList<TokenLogProb> Top);
