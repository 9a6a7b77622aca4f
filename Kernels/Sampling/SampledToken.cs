namespace QuaRot.Kernels.Sampling;

/// <summary>A sampled token, or the word that a row could not be sampled.</summary>
/// <param name="TokenId">Its id; <see cref="NotSampledId"/> when the row could not be sampled.</param>
/// <param name="LogProb">Natural log of its probability under the unmodified logits; NaN when not asked for.</param>
/// <param name="Top">The most likely tokens under the unmodified logits, descending, ties by lower id; empty when not asked for.</param>
public readonly record struct SampledToken(int TokenId, float LogProb, IReadOnlyList<TokenLogProb> Top)
{
    /// <summary>The id that stands for "could not be sampled"; no vocabulary has it, and it crosses processes as any other id.</summary>
    public const int NotSampledId = -1;

    /// <summary>True when there is a token.</summary>
    public bool IsSampled => TokenId >= 0;

    /// <summary>Why there is no token; null when there is one, or when the reason stayed behind in another process.</summary>
    public string? Failure { get; private init; }

    /// <summary>The row could not be sampled. The other rows of its batch are not concerned.</summary>
    /// <param name="failure">Why.</param>
    public static SampledToken NotSampled(string failure) => new(NotSampledId, float.NaN, []) { Failure = failure };
}
