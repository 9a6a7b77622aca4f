using System.Runtime.CompilerServices;
using QuaRot.Engine.Scheduling;

namespace QuaRot.Engine.Turns;

/// <summary>Drives one turn from its stored state to its end: bursts, limits, stop tokens, stop strings, text.</summary>
/// <remarks>
/// What chunk i holds depends on the history, the settings and i alone, so a turn may be driven again from any prefix of its answer: the
/// text of the tokens already there counts as given out, and the chunks go on after it.
/// </remarks>
/// <param name="bursts">Where the tokens come from.</param>
/// <param name="sizes">Tokens to ask for at a time: the client is never further behind than this.</param>
public sealed class TurnDriver(BurstSource bursts, BurstSizes sizes)
{
    /// <summary>
    /// Yields a chunk for each new token, then exactly one final chunk. Disposing the enumerator early ends the burst and leaves the turn
    /// pending.
    /// </summary>
    /// <param name="sequenceId">Names the sequence at the replica.</param>
    /// <param name="history">All tokens so far, those of an unfinished answer included; copied.</param>
    /// <param name="pending">The turn.</param>
    /// <param name="decoder">Decodes this answer alone; fresh.</param>
    /// <param name="cancelled">The client stops the turn: the final chunk says <see cref="FinishReason.Cancelled"/>.</param>
    /// <exception cref="ContextOverflowException">Not even the first token of the answer fits.</exception>
    public async IAsyncEnumerable<TurnChunk> RunAsync(
        string sequenceId,
        IReadOnlyList<int> history,
        PendingTurn pending,
        ITokenDecoder decoder,
        [EnumeratorCancellation] CancellationToken cancelled = default)
    {
        var tokens = new List<int>(history);
        var text = new TurnDecoder(decoder, pending.Settings.StopStrings);
        FinishReason reason = Replay(tokens, pending, text);
        int answered = tokens.Count - pending.AnswerStart;
        await using var cursor = new BurstCursor(bursts, sizes, sequenceId, tokens, pending.Settings, cancelled);
        while (reason == FinishReason.None)
        {
            GeneratedToken? token = await cursor.NextAsync(answered).ConfigureAwait(false);
            if (token is null)
            {
                reason = cursor.EndReason;
                break;
            }

            reason = Advance(token.TokenId, answered + 1, pending.Settings, text, out string delta);
            yield return new TurnChunk(answered, [token.TokenId], delta, LogProbsOf(token, pending.Settings), FinishReason.None, null);
            answered++;
        }

        yield return new TurnChunk(answered, [], text.Flush(), [], reason, new TurnUsage(pending.AnswerStart, answered));
    }

    /// <summary>Brings the text up to the stored answer; says whether that answer is complete already.</summary>
    private static FinishReason Replay(List<int> tokens, PendingTurn pending, TurnDecoder text)
    {
        FinishReason reason = FinishReason.None;
        for (int i = pending.AnswerStart; i < tokens.Count && reason == FinishReason.None; i++)
        {
            reason = Advance(tokens[i], i - pending.AnswerStart + 1, pending.Settings, text, out _);
        }

        return reason;
    }

    private static FinishReason Advance(int token, int answered, TurnSettings settings, TurnDecoder text, out string delta)
    {
        if (settings.StopTokenIds.Contains(token))
        {
            delta = "";
            return FinishReason.Stop;
        }

        delta = text.Push(token);
        if (text.IsStopped)
        {
            return FinishReason.StopString;
        }

        return answered >= settings.MaxTokens ? FinishReason.Length : FinishReason.None;
    }

    private static IReadOnlyList<TokenLogProbs> LogProbsOf(GeneratedToken token, TurnSettings settings)
    {
        return settings.Sampling.LogProbs < 0 ? [] : [new TokenLogProbs(token.TokenId, token.LogProb, token.Top)];
    }
}
