using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using QuaRot.Contracts;
using QuaRot.Contracts.Shards;
using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Scheduling;
using QuaRot.Grains.Models;

namespace QuaRot.Grains.Shards;

/// <summary>A loaded stage with what it needs to work in a chain: the way to the next stage and, on the lead, the scheduler.</summary>
public sealed class ShardRuntime : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly StageWorker _worker;
    private readonly ActivationLinks _links;
    private readonly NextStage? _next;
    private readonly BatchScheduler? _scheduler;
    private long _epoch;

    internal ShardRuntime(
        ShardKey key, StageWorker worker, ServedModel model, ShardRuntimes runtimes, ActivationLinks links, IGrainFactory grains, string silo, ILogger log)
    {
        _worker = worker;
        _links = links;
        var stage = worker.Stage;
        Status = new(key.Stage, stage.Layers.Start, stage.Layers.End, silo, stage.WeightBytes, stage.KvCacheBytes, stage.NumericsId,
            BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))));
        log.ShardLoaded(key.ToString(), stage.Layers.Start, stage.Layers.End, silo, stage.WeightBytes, stage.KvCacheBytes);
        if (!stage.IsLast)
            _next = new NextStage(grains.GetGrain<IShardGrain>(key.Next.ToString()), runtimes, links, silo);
        if (key.Stage == 0)
            _scheduler = new BatchScheduler(new ShardPipeline(worker, _next, model.Options.Shards), model.SchedulerOptions, onBatchFailed: e => log.BatchFailed(key.ToString(), e));
    }

    /// <summary>What this shard holds and where.</summary>
    public ShardStatus Status { get; }

    /// <summary>Why the scheduler gave up by itself; null while it is well, and on stages that do not lead.</summary>
    public Exception? Fault => _scheduler?.Fault;

    /// <summary>What the scheduler has done; lead only.</summary>
    public SchedulerReport SchedulerReport => Scheduler.Stats.ToReport();

    /// <summary>Up to a burst of tokens; lead only.</summary>
    public async IAsyncEnumerable<BurstToken> Burst(BurstCall burst, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var tokens = Scheduler.GenerateAsync(burst.ToRequest(), cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await Next(tokens))
            yield return tokens.Current.ToMessage();
    }

    /// <summary>Frees the KV of a session; lead only.</summary>
    public void Release(string sessionId) => Scheduler.Release(sessionId);

    /// <summary>Runs a batch that came from the stage before, then hands it on or answers with the sampled tokens.</summary>
    public async Task<SampledTokens> Forward(StageCall call)
    {
        RefuseOtherIncarnation(call.Incarnation);
        RefuseOlderEpoch(call.Epoch);
        var output = await Run(call);
        return _next is null ? output.Tokens!.ToMessage() : await _next.ForwardAsync(call, output.Activations!);
    }

    /// <summary>This stage's device thread and those behind it for steps of an epoch; null where one of them is in another silo.</summary>
    internal async Task<IReadOnlyList<StageWorker>?> WorkersHere(long epoch)
    {
        RefuseOlderEpoch(epoch);
        if (_next is null)
            return [_worker];
        return await _next.WorkersHere(epoch) is { } following ? [_worker, .. following] : null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_scheduler is not null)
            await _scheduler.DisposeAsync();
        await _worker.DisposeAsync();
    }

    private BatchScheduler Scheduler => _scheduler
        ?? throw new InvalidOperationException($"Stage {Status.Stage} does not lead its replica; sessions speak to stage 0.");

    private async Task<StageOutput> Run(StageCall call)
    {
        if (call.Link == 0)
            return await _worker.RunImportedAsync(call.ToBatch(), MemoryMarshal.Cast<byte, float>(call.Hidden.AsSpan()).ToArray());
        using var input = _links.Take(call.Link);
        return await _worker.RunAsync(call.ToBatch(), input);
    }

    private void RefuseOtherIncarnation(long incarnation)
    {
        if (incarnation != Status.Incarnation)
            throw new InvalidOperationException($"Stage {Status.Stage} was loaded anew; the KV that this batch builds on is gone.");
    }

    private void RefuseOlderEpoch(long epoch)
    {
        lock (_gate)
        {
            if (epoch < _epoch)
                throw new InvalidOperationException($"Stage {Status.Stage}: a batch of epoch {epoch} came after epoch {_epoch} had begun; its lead gave it up.");
            _epoch = epoch;
        }
    }

    // The engine's refusals become messages that may cross silos; all else goes on as it is.
    private static async Task<bool> Next(IAsyncEnumerator<GeneratedToken> tokens)
    {
        try
        {
            return await tokens.MoveNextAsync();
        }
        catch (ContextOverflowException e)
        {
            throw new RequestRejectedException(RejectionReason.InvalidArgument, $"prompt: {e.Message}");
        }
        catch (AdmissionException e)
        {
            throw new RequestRejectedException(RejectionReason.Overloaded, e.Message) { RetryAfter = e.RetryAfter };
        }
        catch (SequenceBusyException e)
        {
            throw new RequestRejectedException(RejectionReason.Busy, e.Message);
        }
        catch (ObjectDisposedException)
        {
            throw new RequestRejectedException(RejectionReason.Unavailable, "the shard is shutting down");
        }
        catch (PipelineFailureException e)
        {
            throw new RequestRejectedException(RejectionReason.Unavailable, e.Message);
        }
    }
}
