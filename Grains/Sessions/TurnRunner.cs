using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using QuaRot.Contracts;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Turns;
using QuaRot.Grains.Models;
using QuaRot.Grains.Shards;

namespace QuaRot.Grains.Sessions;

/// <summary>Runs turns against the lead shard of the model's replica.</summary>
internal sealed class TurnRunner(ServedModel model, IGrainFactory grains, TimeProvider time, ILogger log)
{
    /// <summary>
    /// Where a model is fast enough for bursts to last so long, asking for them costs little, also beside other chats, which take several steps until they look
    /// for it; and who waits for room gets it soon.
    /// </summary>
    private static readonly TimeSpan TargetOfBurst = TimeSpan.FromMilliseconds(400);

    /// <summary>Bursts of one model differ by no more than this: what a client that stops reading leaves unread.</summary>
    private const int MostGrowth = 64;

    private readonly IShardGrain _lead = grains.GetGrain<IShardGrain>(new ShardKey(model.Name, 0, 0).ToString());

    /// <summary>The arithmetic that will compute the answer; loads the shard if need be.</summary>
    public async Task<string> NumericsId() => (await _lead.Status()).NumericsId;

    /// <summary>Room for an answer behind a context of so many tokens.</summary>
    /// <exception cref="RequestRejectedException">There is none; the message says by how much.</exception>
    public int Room(string field, int tokens)
    {
        var room = model.MaxContext - tokens;
        return room > 0 ? room : throw new RequestRejectedException(RejectionReason.InvalidArgument,
            $"{field}: {tokens} tokens leave no room for an answer in the context of {model.MaxContext}: {1 - room} too many");
    }

    /// <summary>Settings of a turn with <paramref name="room"/> tokens left in the context.</summary>
    public TurnSettings Settings(TurnSampling sampling, int room) =>
        sampling.ToSettings(model.StopTokenIds, Math.Min(sampling.MaxTokens, room));

    /// <summary>The answer piece by piece.</summary>
    public IAsyncEnumerable<TurnChunk> Run(string sessionId, IReadOnlyList<int> history, PendingTurn turn, CancellationToken cancelled)
    {
        var driver = new TurnDriver(Burst, new BurstSizes(model.Options.BurstTokens) { Most = MostGrowth * model.Options.BurstTokens, Target = TargetOfBurst, Time = time });
        return driver.RunAsync(sessionId, history, turn, new TokenizerDecoder(model.Tokenizer), cancelled);

        async IAsyncEnumerable<GeneratedToken> Burst(BurstRequest request, [EnumeratorCancellation] CancellationToken ct)
        {
            await foreach (var token in new BurstRetry(_lead, time, log).Run(request.ToCall(), ct))
                yield return token.ToGenerated();
        }
    }

    /// <summary>Frees the session's KV.</summary>
    public Task Release(string sessionId) => _lead.Release(sessionId);
}
