namespace QuaRot.Engine.Evaluation.LastWord;

/// <summary>How often the last word was found.</summary>
/// <param name="Passages">Passages asked.</param>
/// <param name="Correct">Those whose word greedy decoding would write.</param>
/// <param name="OccurringPassages">Passages whose word occurs earlier in them.</param>
/// <param name="OccurringCorrect">Those of them that were found.</param>
/// <param name="MeanNll">Mean over the passages of -ln p(word), in nats.</param>
/// <param name="Skipped">Passages left out: too long for the model's context, or the tokenizer joins the word to what precedes it.</param>
public sealed record LastWordResult(int Passages, int Correct, int OccurringPassages, int OccurringCorrect, double MeanNll, int Skipped)
{
    /// <summary>Share of all passages, 0 to 1.</summary>
    public double Accuracy => (double)Correct / Passages;
}
