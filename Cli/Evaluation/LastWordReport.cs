using System.Text.Json;
using QuaRot.Engine.Evaluation.LastWord;

namespace QuaRot.Cli.Evaluation;

/// <summary>Prints the outcome of the last-word task.</summary>
internal sealed record LastWordReport(string Model, string Text, LastWordResult Result, TimeSpan Elapsed)
{
    private int NewPassages => Result.Passages - Result.OccurringPassages;

    private int NewCorrect => Result.Correct - Result.OccurringCorrect;

    public void PrintJson() => Console.WriteLine(JsonSerializer.Serialize(new
    {
        model = Model,
        text = Text,
        task = "last-word",
        accuracy = Result.Accuracy,
        correct = Result.Correct,
        passages = Result.Passages,
        occurring_correct = Result.OccurringCorrect,
        occurring_passages = Result.OccurringPassages,
        mean_nll = Result.MeanNll,
        skipped = Result.Skipped,
        seconds = Elapsed.TotalSeconds,
    }));

    public void PrintText()
    {
        Console.WriteLine("Protocol: passages of whole sentences, 40 words or more; the last word, 4 or more letters in lower case, is found when greedy decoding writes all of its tokens.");
        Console.WriteLine($"last word: {Result.Accuracy:P1} ({Result.Correct} of {Result.Passages} passages" +
            $"{(Result.Skipped > 0 ? $", {Result.Skipped} skipped" : "")}); {Result.MeanNll:0.000} nats a word");
        Console.WriteLine($"  the word occurs earlier in the passage: {Result.OccurringCorrect} of {Result.OccurringPassages}; it does not: {NewCorrect} of {NewPassages}");
    }
}
