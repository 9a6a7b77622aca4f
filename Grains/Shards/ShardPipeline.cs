using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Grains.Shards;

/// <summary>The lead's way through all stages: its own device thread first, then grain calls from stage to stage.</summary>
internal sealed class ShardPipeline(StageWorker lead, NextStage? next, int stages) : IStagePipeline
{
    // Epochs start at the clock, so that a lead that was activated anew is ahead of its predecessor, and follow the generations of its KV.
    private readonly long _firstEpoch = DateTime.UtcNow.Ticks;

    private readonly int _stages = stages;
    private volatile int _batchesAtOnce = stages;

    /// <inheritdoc/>
    public int BatchesAtOnce => _batchesAtOnce;

    /// <inheritdoc/>
    public int PageSize => lead.Stage.PageSize;

    /// <inheritdoc/>
    public int PageCount => lead.Stage.PageCount;

    /// <inheritdoc/>
    public int StepsAtOnce => lead.Stage.StepsAtOnce;

    /// <inheritdoc/>
    public async ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken ct)
    {
        if (next is null)
            return batch.Steps > 1 ? await lead.RunStepsAsync(batch, []) : (await lead.RunAsync(batch, null)).Tokens!;
        var epoch = _firstEpoch + batch.Generation;
        if (await FollowingHere(epoch) is { } following && batch.Steps > 1)
            return await RunSteps(batch, following, epoch);
        var output = await lead.RunAsync(batch, null);
        try
        {
            return (await next.ForwardAsync(batch.ToCall(epoch), output.Activations!)).ToSampled();
        }
        catch (Exception e)
        {
            // A stage may have lost its KV, and the batch may still be under way behind us: what follows is another epoch.
            throw new KvLostException(e);
        }
    }

    // The other stages; null where they are not all in this silo. Those of other silos count as a device each.
    private async Task<IReadOnlyList<StageWorker>?> FollowingHere(long epoch)
    {
        try
        {
            var following = await next!.WorkersHere(epoch);
            _batchesAtOnce = following is null ? _stages : StageWorker.CountDevices([lead, .. following]);
            return following;
        }
        catch (Exception e)
        {
            throw new KvLostException(e);
        }
    }

    // All steps on the stages themselves.
    private async Task<SampledToken[]> RunSteps(StageBatch batch, IReadOnlyList<StageWorker> following, long epoch)
    {
        try
        {
            return await lead.RunStepsAsync(batch, following);
        }
        catch (Exception e)
        {
            // Half of the steps may be done on some stages and not on others.
            next!.End(epoch);
            throw new KvLostException(e);
        }
    }
}
