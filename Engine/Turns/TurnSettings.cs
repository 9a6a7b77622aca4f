using QuaRot.Engine.Scheduling;

namespace QuaRot.Engine.Turns;

/// <summary>Everything beside the history that an answer depends on.</summary>
public sealed record TurnSettings
{
    /// <summary>How to sample.</summary>
    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>Key of the random numbers; drawn before the first token when the client gave none.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Most tokens of the answer, its end token included; at least 1.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Ids that end the answer; they add no text.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Texts that end the answer; neither they nor what follows reaches the client.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>The arithmetic that computes the answer; the same tokens are promised within one id.</summary>
    public string NumericsId { get; init; } = "";

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public void Validate()
    {
        Sampling.Validate();
        if (MaxTokens < 1)
        {
            throw new ArgumentException($"MaxTokens must be at least 1, not {MaxTokens}.", nameof(MaxTokens));
        }

        if (StopStrings.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("StopStrings must not hold an empty string.", nameof(StopStrings));
        }
    }
}
