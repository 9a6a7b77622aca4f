namespace QuaRot.Cli.Client;

/// <summary>Answers that were streamed together.</summary>
/// <param name="Answers">Each.</param>
/// <param name="Elapsed">From the first request to the last token.</param>
internal sealed record LoadRound(IReadOnlyList<LoadAnswer> Answers, TimeSpan Elapsed)
{
    /// <summary>Tokens of all answers.</summary>
    public int Tokens => Answers.Sum(answer => answer.Tokens);

    /// <summary>Tokens of all answers by the time of the round, prompts included.</summary>
    public double TokensPerSecond => Tokens / Elapsed.TotalSeconds;
}
