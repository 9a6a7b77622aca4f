namespace QuaRot.Engine.Scheduling;

/// <summary>A batch failed in the pipeline. The KV of its sequences is dropped; asking again prefills it anew.</summary>
/// <param name="sequenceId">The sequence that was in the batch.</param>
/// <param name="cause">What the pipeline threw.</param>
public sealed class PipelineFailureException(string sequenceId, Exception cause)
    : Exception($"The batch with sequence '{sequenceId}' failed in the pipeline: {cause.Message}", cause)
{
    /// <summary>The sequence that was in the batch.</summary>
    public string SequenceId { get; } = sequenceId;
}
