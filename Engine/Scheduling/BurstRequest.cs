namespace QuaRot.Engine.Scheduling;

/// <summary>Asks for the next tokens of a sequence.</summary>
/// <remarks>
/// Self-contained: the whole history is in it, so asking again, here or at another replica, is always safe and gives the same tokens. KV
/// that the replica still holds for the sequence only saves work.
/// </remarks>
public sealed record BurstRequest
{
    /// <summary>Names the sequence, and with it the KV that stays resident after the burst.</summary>
    public required string SequenceId { get; init; }

    /// <summary>The whole history, generated tokens included; at least one.</summary>
    public required int[] Tokens { get; init; }

    /// <summary>How to sample.</summary>
    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>Key of the random numbers; their counter is the absolute position.</summary>
    public ulong Seed { get; init; }

    /// <summary>Most tokens to generate in this burst, a stop token included; at least 1.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Ids that end the burst; the one that did is yielded.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>
    /// The answer has tokens already, so this is no new work: it is never refused for a full queue, for running chats go on.
    /// </summary>
    public bool IsContinuation { get; init; }

    /// <summary>Checks what does not depend on the replica.</summary>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(SequenceId);
        if (Tokens.Length == 0)
        {
            throw new ArgumentException("Tokens must hold at least one token.", nameof(Tokens));
        }

        if (MaxTokens < 1)
        {
            throw new ArgumentException($"MaxTokens must be at least 1, not {MaxTokens}.", nameof(MaxTokens));
        }

        Sampling.Validate();
    }
}
