using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Pipeline;

/// <summary>All stages of a replica in this process, each on its own device thread.</summary>
public sealed class LocalPipeline : IStagePipeline, IAsyncDisposable
{
    private readonly StageWorker[] _workers;

    /// <summary>Takes over the stages, in layer order.</summary>
    /// <exception cref="ArgumentException">The stages do not form one model: a gap in the layers, or page sizes that differ.</exception>
    public LocalPipeline(IReadOnlyList<IModelStage> stages)
    {
        Validate(stages);
        PageSize = stages[0].PageSize;
        PageCount = stages.Min(stage => stage.PageCount);
        _workers = [.. stages.Select(stage => new StageWorker(stage))];
        BatchesAtOnce = StageWorker.CountDevices(_workers);
    }

    /// <inheritdoc/>
    public int BatchesAtOnce { get; }

    /// <inheritdoc/>
    public int PageSize { get; }

    /// <inheritdoc/>
    public int PageCount { get; }

    /// <inheritdoc/>
    public int StepsAtOnce => _workers[0].Stage.StepsAtOnce;

    /// <inheritdoc/>
    public async ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken ct)
    {
        if (batch.Steps > 1)
        {
            return await _workers[0].RunStepsAsync(batch, _workers[1..]).ConfigureAwait(false);
        }

        Activations? carried = null;
        try
        {
            foreach (StageWorker worker in _workers)
            {
                ct.ThrowIfCancellationRequested();
                StageOutput output = await worker.RunAsync(batch, carried).ConfigureAwait(false);
                carried?.Dispose();
                carried = output.Activations;
                if (output.Tokens is not null)
                {
                    return output.Tokens;
                }
            }
        }
        finally
        {
            carried?.Dispose();
        }

        throw new InvalidOperationException("The last stage of the pipeline returned activations instead of sampled tokens.");
    }

    /// <summary>Drains and disposes the stages.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (StageWorker worker in _workers)
        {
            await worker.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static void Validate(IReadOnlyList<IModelStage> stages)
    {
        if (stages.Count == 0 || !stages[0].IsFirst || !stages[^1].IsLast)
        {
            throw new ArgumentException(
                "A pipeline starts with the stage that embeds and ends with the stage that computes logits.", nameof(stages));
        }

        for (int i = 1; i < stages.Count; i++)
        {
            if (stages[i].Layers.Start != stages[i - 1].Layers.End)
            {
                throw new ArgumentException(
                    $"Stage {i} starts at layer {stages[i].Layers.Start}, but stage {i - 1} ends before layer {stages[i - 1].Layers.End}.",
                    nameof(stages));
            }

            if (stages[i].PageSize != stages[0].PageSize)
            {
                throw new ArgumentException(
                    $"Stage {i} has KV pages of {stages[i].PageSize} positions, stage 0 of {stages[0].PageSize}.", nameof(stages));
            }
        }
    }
}
