namespace QuaRot.Kernels.Sampling;

/// <summary>How to sample the token of one row of logits. A value type of plain numbers, so that a device kernel can take it.</summary>
/// <remarks>Order: repetition penalty, temperature, top-k, top-p, min-p; ties go to the lower id.</remarks>
public sealed record SamplingRow
{
    /// <summary>Absolute position of the token to be sampled: the counter of the random number generator.</summary>
    public required int Position { get; init; }

    /// <summary>Key of the Philox4x32-10 generator.</summary>
    public ulong Seed { get; init; }

    /// <summary>0 is greedy: the largest logit wins, and nothing else applies but the penalty.</summary>
    public float Temperature { get; init; }

    /// <summary>Keep the k largest; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keep the smallest set whose probability reaches p; 1 keeps all.</summary>
    public float TopP { get; init; } = 1f;

    /// <summary>Drop tokens below p times the largest probability; 0 drops none.</summary>
    public float MinP { get; init; }

    /// <summary>Positive logits of seen tokens are divided by it, negative ones multiplied; 1 is off.</summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Distinct ids the penalty applies to; empty when it is off.</summary>
    public int[] PenaltyTokens { get; init; } = [];

    /// <summary>Number of most likely tokens to report beside the sampled one; -1 reports no log-probability at all.</summary>
    public int LogProbs { get; init; } = -1;
}
