namespace QuaRot.Engine.Scheduling;

/// <summary>How the tokens of a turn are sampled.</summary>
/// <remarks>Order: repetition penalty, temperature, top-k, top-p, min-p; ties go to the lower id.</remarks>
public sealed record SamplingParameters
{
    /// <summary>0 is greedy.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>Keep the k most likely tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keep the smallest set of tokens whose probability reaches p, in (0, 1]; 1 keeps all.</summary>
    public float TopP { get; init; } = 1f;

    /// <summary>Drop tokens below p times the largest probability, in [0, 1]; 0 drops none.</summary>
    public float MinP { get; init; }

    /// <summary>Between 0.01 and 10; 1 is off. Applies to the ids of the whole history.</summary>
    public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Number of most likely tokens to report beside the sampled one, at most 20; -1 reports no log-probability at all.</summary>
    public int LogProbs { get; init; } = -1;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(float.IsFinite(Temperature) && Temperature >= 0, nameof(Temperature), Temperature, "0 or above");
        Require(TopK >= 0, nameof(TopK), TopK, "0 or above");
        Require(TopP > 0 && TopP <= 1, nameof(TopP), TopP, "above 0 and at most 1");
        Require(MinP >= 0 && MinP <= 1, nameof(MinP), MinP, "between 0 and 1");
        Require(
            RepetitionPenalty >= 0.01f && RepetitionPenalty <= 10f, nameof(RepetitionPenalty), RepetitionPenalty, "between 0.01 and 10");
        Require(LogProbs >= -1 && LogProbs <= 20, nameof(LogProbs), LogProbs, "between -1 and 20");
    }

    private static void Require(bool holds, string field, IFormattable value, string range)
    {
        if (!holds)
        {
            throw new ArgumentException($"{field} must be {range}, not {value.ToString(null, null)}.", field);
        }
    }
}
