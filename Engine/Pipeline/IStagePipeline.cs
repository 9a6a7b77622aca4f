using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Pipeline;

/// <summary>The stages of one replica in a row, as the scheduler on stage 0 sees them.</summary>
/// <remarks>
/// Several batches may be under way at once, up to <see cref="BatchesAtOnce"/>; they never share a sequence. A call that has ended, also by
/// failing, touches the pages of its batch no more: the scheduler gives them to other sequences at once.
/// An implementation that cannot promise this after a failure (a remote stage that may still be at work, or that was lost with its KV) throws
/// <see cref="KvLostException"/>, and fails every later batch of the same <see cref="StageBatch.Generation"/>.
/// </remarks>
public interface IStagePipeline
{
    /// <summary>
    /// Batches that keep every device busy, at least 1: as many as there are devices, since stages on one device wait for each other. May
    /// change when the stages move.
    /// </summary>
    int BatchesAtOnce { get; }

    /// <summary>Positions in a KV page, the same on every stage.</summary>
    int PageSize { get; }

    /// <summary>Pages that every stage has: the smallest count of all stages.</summary>
    int PageCount { get; }

    /// <summary>Most steps of a batch (<see cref="StageBatch.Steps"/>), of which fewer may be done; 1 where a token must come back before the next step.</summary>
    int StepsAtOnce { get; }

    /// <summary>Runs the batch through all stages.</summary>
    /// <param name="batch">The rows and the sampling of the output rows.</param>
    /// <param name="ct">Gives up waiting between stages.</param>
    /// <returns>One token for each output row, in order; empty when there is none. Of several steps one after the other; fewer of them where it could
    /// not run ahead, or after a row that could not be sampled.</returns>
    ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken ct);
}
