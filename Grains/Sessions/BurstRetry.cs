using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using QuaRot.Contracts;
using QuaRot.Contracts.Shards;

namespace QuaRot.Grains.Sessions;

/// <summary>Asks the lead for a burst, and asks again for the rest when the replica is lost in the middle of it.</summary>
/// <remarks>A burst call holds the whole history, so the tokens that come after a retry are the ones that would have come without it.</remarks>
internal sealed class BurstRetry(IShardGrain lead, TimeProvider time, ILogger log)
{
    private const int Attempts = 6;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);

    public async IAsyncEnumerable<BurstToken> Run(BurstCall burst, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var received = new List<int>();
        for (var failures = 0; ;)
        {
            var rest = burst with { Tokens = [.. burst.Tokens, .. received], MaxTokens = burst.MaxTokens - received.Count, IsContinuation = burst.IsContinuation || received.Count > 0 };
            await using var tokens = lead.Burst(rest, cancellationToken).GetAsyncEnumerator(cancellationToken);
            while (true)
            {
                bool? more = await Next(tokens, burst.SessionId, failures + 1, cancellationToken);
                if (more is null)
                    break;
                if (more is false)
                    yield break;
                received.Add(tokens.Current.TokenId);
                yield return tokens.Current;
                if (received.Count == burst.MaxTokens || tokens.Current.IsStop)
                    yield break;
                failures = 0;
            }

            await Task.Delay(FirstDelay * (1 << failures++), time, cancellationToken);
        }
    }

    // Null: the replica failed, ask again. A refusal that would come again, and the last failure in a row, go to the caller.
    private async Task<bool?> Next(IAsyncEnumerator<BurstToken> tokens, string session, int attempt, CancellationToken cancellationToken)
    {
        try
        {
            return await tokens.MoveNextAsync();
        }
        catch (Exception e) when (attempt < Attempts && IsTransient(e) && !cancellationToken.IsCancellationRequested)
        {
            log.BurstRetried(session, attempt, e.Message);
            return null;
        }
    }

    // TimeoutException: how a call to a silo that died without a word ends. Busy: a burst that its session lost with its silo still runs at the
    // lead; it ends by itself after a few tokens.
    private static bool IsTransient(Exception e) =>
        e is RequestRejectedException { Reason: RejectionReason.Unavailable or RejectionReason.Busy }
            or SiloUnavailableException or EnumerationAbortedException or TimeoutException;
}
