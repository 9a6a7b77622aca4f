namespace QuaRot.Engine.Scheduling;

/// <summary>A sequence is too long for the model or the replica; trying again cannot help.</summary>
/// <param name="tokens">Tokens of the history.</param>
/// <param name="limit">Most tokens of a sequence, its next token included.</param>
public sealed class ContextOverflowException(int tokens, int limit)
    : Exception($"The context holds {tokens} tokens and needs room for 1 more, but the limit is {limit}: {tokens + 1L - limit} too many.")
{
    /// <summary>Tokens of the history.</summary>
    public int Tokens { get; } = tokens;

    /// <summary>Most tokens of a sequence, its next token included.</summary>
    public int Limit { get; } = limit;
}
