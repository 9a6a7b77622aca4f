namespace QuaRot.Cli.Client;

/// <summary>What a client saw of one streamed answer.</summary>
/// <param name="Tokens">All of its tokens.</param>
/// <param name="InFirst">Those of the first message.</param>
/// <param name="First">Time to the first message.</param>
/// <param name="Last">Time to the last token.</param>
internal sealed record LoadAnswer(int Tokens, int InFirst, TimeSpan First, TimeSpan Last)
{
    /// <summary>Tokens behind the first message by the time they took; null where there are none.</summary>
    public double? TokensPerSecond => Tokens > InFirst && Last > First ? (Tokens - InFirst) / (Last - First).TotalSeconds : null;
}
