using QuaRot.Engine.Scheduling;

namespace QuaRot.Engine.Turns;

/// <summary>The tokens of one answer as a single sequence, asked for burst by burst.</summary>
/// <remarks>With the last token of a burst the next one is asked for, so that the replica is at work while that token goes its way.</remarks>
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
    private readonly CancellationTokenSource _ended = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
    private IAsyncEnumerator<GeneratedToken>? _burst;
    private Task<bool>? _begun;
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
            if (_leftInBurst == 0)
            {
                _begun ??= BeginAsync(answered);
            }

            Task<bool>? begun = _begun;
            _begun = null;
            if (!await (begun is null ? _burst!.MoveNextAsync() : new ValueTask<bool>(begun)).ConfigureAwait(false))
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

        return Accept(_burst!.Current, answered + 1);
    }

    /// <summary>Ends the burst under way.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_begun is not null)
        {
            // Nobody wants its tokens, nor how it ended; an enumerator may not be disposed in the middle of a move.
            await _ended.CancelAsync().ConfigureAwait(false);
            await ((Task)_begun).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await EndBurstAsync().ConfigureAwait(false);
        _ended.Dispose();
    }

    /// <summary>Asks for the next burst; true with its first token.</summary>
    private async Task<bool> BeginAsync(int answered)
    {
        await EndBurstAsync().ConfigureAwait(false);
        _ended.Token.ThrowIfCancellationRequested();
        if (_started is { } started)
        {
            _size = sizes.After(_size, sizes.Time.GetElapsedTime(started));
        }

        _started = sizes.Time.GetTimestamp();
        int size = Math.Min(_size, settings.MaxTokens - answered);
        var request = new BurstRequest
        {
            SequenceId = sequenceId,
            Tokens = [.. tokens],
            Sampling = settings.Sampling,
            Seed = settings.Seed,
            MaxTokens = size,
            StopTokenIds = settings.StopTokenIds,
            IsContinuation = answered > 0,
        };
        _burst = bursts(request, _ended.Token).GetAsyncEnumerator(_ended.Token);
        bool any = await _burst.MoveNextAsync().ConfigureAwait(false);
        _leftInBurst = size;
        return any;
    }

    private async ValueTask EndBurstAsync()
    {
        if (_burst is { } burst)
        {
            _burst = null;
            await burst.DisposeAsync().ConfigureAwait(false);
        }
    }

    private GeneratedToken Accept(GeneratedToken token, int answered)
    {
        if (token.Position != tokens.Count)
        {
            throw new InvalidOperationException(
                $"Sequence '{sequenceId}': the replica sent the token at position {token.Position}, expected {tokens.Count}.");
        }

        tokens.Add(token.TokenId);
        _leftInBurst--;
        if (_leftInBurst == 0 && !token.IsStop && answered < settings.MaxTokens)
        {
            _begun = BeginAsync(answered);
        }

        return token;
    }

    private GeneratedToken? End(FinishReason reason)
    {
        EndReason = reason;
        return null;
    }
}
