using QuaRot.Engine;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Grains.Shards;

/// <summary>The lead's way through all stages: its own device thread first, then grain calls from stage to stage.</summary>
internal sealed class ShardPipeline(StageWorker lead, NextStage? next, int stages) : IStagePipeline
{
    /// <inheritdoc/>
    public int Stages => stages;

    /// <inheritdoc/>
    public int PageSize => lead.Stage.PageSize;

    /// <inheritdoc/>
    public int PageCount => lead.Stage.PageCount;

    /// <inheritdoc/>
    public async ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken cancellationToken)
    {
        var output = await lead.RunAsync(batch, null);
        return next is null ? output.Sampled! : (await next.ForwardAsync(batch, output.Activations!)).ToSampled();
    }
}
