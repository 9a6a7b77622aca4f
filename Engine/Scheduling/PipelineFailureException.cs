namespace QuaRot.Engine.Scheduling;

/// <summary>
/// A batch failed in the pipeline, or the row of one sequence could not be sampled. The KV of the sequence is dropped; asking again
/// prefills it anew.
/// </summary>
/// <param name="sequenceId">The sequence that failed.</param>
/// <param name="cause">What the pipeline threw, or why there is no token.</param>
public sealed class PipelineFailureException(string sequenceId, Exception cause)
    : Exception($"Sequence '{sequenceId}' failed in the pipeline: {cause.Message}", cause)
{
    /// <summary>The sequence that failed.</summary>
    public string SequenceId { get; } = sequenceId;
}
