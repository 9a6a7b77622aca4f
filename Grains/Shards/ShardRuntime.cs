using QuaRot.Contracts.Shards;
using QuaRot.Engine;
using QuaRot.Engine.Scheduling;
using QuaRot.Grains.Models;
using QuaRot.Kernels;

namespace QuaRot.Grains.Shards;

/// <summary>A loaded stage with what it needs to work in a chain: the way to the next stage and, on the lead, the scheduler.</summary>
public sealed class ShardRuntime : IAsyncDisposable
{
    private readonly StageWorker _worker;
    private readonly ActivationLinks _links;
    private readonly NextStage? _next;
    private readonly BatchScheduler? _scheduler;

    internal ShardRuntime(ShardKey key, StageWorker worker, ServedModel model, ActivationLinks links, IGrainFactory grains, string silo)
    {
        _worker = worker;
        _links = links;
        var stage = worker.Stage;
        Status = new(key.Stage, stage.Layers.Start, stage.Layers.End, silo, stage.WeightBytes, stage.KvCacheBytes, stage.NumericsId);
        if (!stage.IsLast)
            _next = new NextStage(grains.GetGrain<IShardGrain>(key.Next.ToString()), links, silo);
        if (key.Stage == 0)
        {
            var options = new SchedulerOptions
            {
                MaxBatchTokens = model.Options.MaxBatchTokens,
                MaxQueue = model.Options.MaxQueue,
                MaxContext = model.MaxContext,
            };
            _scheduler = new BatchScheduler(options, new ShardPipeline(worker, _next, model.Options.Shards));
        }
    }

    /// <summary>What this shard holds and where.</summary>
    public ShardStatus Status { get; }

    /// <summary>Up to a burst of tokens; lead only.</summary>
    public async IAsyncEnumerable<BurstToken> Burst(
        BurstCall burst, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var token in Scheduler.GenerateAsync(burst.ToRequest(), cancellationToken))
            yield return token.ToMessage();
    }

    /// <summary>Frees the KV of a session; lead only.</summary>
    public void Release(string sessionId) => Scheduler.Release(sessionId);

    /// <summary>Runs a batch that came from the stage before, then hands it on or answers with the sampled tokens.</summary>
    public async Task<SampledTokens> Forward(StageCall call)
    {
        using var input = call.Link != 0 ? _links.Take(call.Link) : _worker.Stage.ImportHidden(call);
        var batch = call.ToBatch();
        var output = await _worker.RunAsync(batch, input);
        return _next is null ? output.Sampled!.ToMessage() : await _next.ForwardAsync(batch, output.Activations!);
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
}
