using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Grains.Shards;

/// <summary>The lead's way through all stages: its own device thread first, then grain calls from stage to stage.</summary>
internal sealed class ShardPipeline(StageWorker lead, NextStage? next, int stages) : IStagePipeline
{
    // Starts at the clock, so that a lead that was activated anew is ahead of its predecessor.
    private long _epoch = DateTime.UtcNow.Ticks;

    /// <inheritdoc/>
    public int Stages => stages;

    /// <inheritdoc/>
    public int PageSize => lead.Stage.PageSize;

    /// <inheritdoc/>
    public int PageCount => lead.Stage.PageCount;

    /// <inheritdoc/>
    public async ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken ct)
    {
        var output = await lead.RunAsync(batch, null);
        if (next is null)
            return output.Tokens!;
        try
        {
            return (await next.ForwardAsync(batch.ToCall(Interlocked.Read(ref _epoch)), output.Activations!)).ToSampled();
        }
        catch (Exception e)
        {
            // The batch may still be under way behind us: the next epoch makes every stage refuse it. And a stage may have lost its KV.
            Interlocked.Increment(ref _epoch);
            throw new KvLostException(e);
        }
    }
}
