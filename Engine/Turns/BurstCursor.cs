using QuaRot.Engine.Scheduling;

namespace QuaRot.Engine.Turns;

/// <summary>The tokens of one answer as a single sequence, asked for burst by burst.</summary>
/// <param name="bursts">Where the tokens come from.</param>
/// <param name="sizes">Tokens of a burst.</param>
/// <param name="sequenceId">Names the sequence at the replica.</param>
/// <param name="tokens">The history; grows with each token.</param>
/// <param name="settings">Sampling, seed and stop tokens.</param>
/// <param name="cancelled">Ends the answer.</param>
internal sealed class BurstCursor(
    BurstSource bursts, BurstSizes sizes, string sequenceId, List<int> tokens, TurnSettings settings, CancellationToken cancelled)
    : IAsyncDisposable
{
    private IAsyncEnumerator<GeneratedToken>? _burst;
    private int _size = sizes.First, _leftInBurst;
    private long? _started;

    /// <summary>Why there are no more tokens, once <see cref="NextAsync"/> has returned null.</summary>
    public FinishReason EndReason { get; private set; }

    /// <summary>The next token, already appended to the history; null at the end.</summary>
    /// <param name="answered">Tokens of the answer so far; fewer than the limit of the turn.</param>
    public async ValueTask<GeneratedToken?> NextAsync(int answered)
    {
        try
        {
            if (_burst is null || _leftInBurst == 0)
            {
                await StartBurstAsync(answered).ConfigureAwait(false);
            }

            if (!await _burst!.MoveNextAsync().ConfigureAwait(false))
            {
                return End(FinishReason.Context);
            }
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            // The client's own wish, an ordinary end. Any other cancellation is a fault and goes on to the caller.
            return End(FinishReason.Cancelled);
        }
        catch (ContextOverflowException) when (answered > 0)
        {
            // The answer filled the context with the last token of a burst. Without an answer the prompt is at fault, and the client
            // hears so.
            return End(FinishReason.Context);
        }

        return Accept(_burst.Current);
    }

    /// <summary>Ends the burst under way.</summary>
    public ValueTask DisposeAsync() => _burst?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async ValueTask StartBurstAsync(int answered)
    {
        await DisposeAsync().ConfigureAwait(false);
        _burst = null;
        cancelled.ThrowIfCancellationRequested();
        if (_started is { } started && sizes.Time.GetElapsedTime(started) < sizes.GrowsBelow)
        {
            _size = Math.Min(2 * _size, sizes.Most);
        }

        _started = sizes.Time.GetTimestamp();
        _leftInBurst = Math.Min(_size, settings.MaxTokens - answered);
        var request = new BurstRequest
        {
            SequenceId = sequenceId,
            Tokens = [.. tokens],
            Sampling = settings.Sampling,
            Seed = settings.Seed,
            MaxTokens = _leftInBurst,
            StopTokenIds = settings.StopTokenIds,
            IsContinuation = answered > 0,
        };
        _burst = bursts(request, cancelled).GetAsyncEnumerator(cancelled);
    }

    private GeneratedToken Accept(GeneratedToken token)
    {
        if (token.Position != tokens.Count)
        {
            throw new InvalidOperationException(
                $"Sequence '{sequenceId}': the replica sent the token at position {token.Position}, expected {tokens.Count}.");
        }

        _leftInBurst--;
        tokens.Add(token.TokenId);
        return token;
    }

    private GeneratedToken? End(FinishReason reason)
    {
        EndReason = reason;
        return null;
    }
}
