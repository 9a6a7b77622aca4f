using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Scheduling;

/// <summary>One token of a burst.</summary>
/// <param name="TokenId">Its id.</param>
/// <param name="Position">Its absolute position: the number of tokens before it.</param>
/// <param name="LogProb">Natural log of its probability; NaN when not asked for.</param>
/// <param name="Top">The most likely tokens, descending; empty when not asked for.</param>
/// <param name="IsStop">It is one of the stop tokens, and the last token of the burst.</param>
public sealed record GeneratedToken(int TokenId, int Position, float LogProb, IReadOnlyList<TokenLogProb> Top, bool IsStop);
