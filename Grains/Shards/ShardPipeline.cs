using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Grains.Shards;

/// <summary>The lead's way through all stages: its own device thread first, then grain calls from stage to stage.</summary>
internal sealed class ShardPipeline(StageWorker lead, NextStage? next, int stages) : IStagePipeline
{
    // Epochs start at the clock, so that a lead that was activated anew is ahead of its predecessor, and follow the generations of its KV.
    private readonly long _firstEpoch = DateTime.UtcNow.Ticks;

    /// <inheritdoc/>
    public int Stages => stages;

    /// <inheritdoc/>
    public int PageSize => lead.Stage.PageSize;

    /// <inheritdoc/>
    public int PageCount => lead.Stage.PageCount;

    /// <inheritdoc/>
    public int StepsAtOnce => next is null ? lead.Stage.StepsAtOnce : 1;

    /// <inheritdoc/>
    public async ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken ct)
    {
        var output = await lead.RunAsync(batch, null);
        if (next is null)
            return output.Tokens!;
        try
        {
            return (await next.ForwardAsync(batch.ToCall(_firstEpoch + batch.Generation), output.Activations!)).ToSampled();
        }
        catch (Exception e)
        {
            // A stage may have lost its KV, and the batch may still be under way behind us: what follows is another epoch.
            throw new KvLostException(e);
        }
    }
}
