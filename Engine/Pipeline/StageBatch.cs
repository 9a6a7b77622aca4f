using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Pipeline;

/// <summary>What travels through the stages of a replica: the rows, and how to sample the output rows.</summary>
public sealed record StageBatch
{
    /// <summary>The rows with their block tables.</summary>
    public required ForwardBatch Forward { get; init; }

    /// <summary>Generation of the replica's KV that the batch builds on; grows each time that all KV was lost.</summary>
    public long Generation { get; init; }

    /// <summary>Decode steps that follow each other without the scheduler between; more than 1 only where every row is one.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>[output rows] sampling of each of <see cref="ForwardBatch.OutputRows"/>, in the same order.</summary>
    public required SamplingRow[] Sampling { get; init; }
}
