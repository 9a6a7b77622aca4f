namespace QuaRot.Engine.Scheduling;

/// <summary>A burst of the sequence is under way; a sequence has one at a time.</summary>
/// <param name="sequenceId">The sequence.</param>
public sealed class SequenceBusyException(string sequenceId)
    : Exception($"Sequence '{sequenceId}' has a burst under way; end or cancel it before the next.")
{
    /// <summary>The sequence.</summary>
    public string SequenceId { get; } = sequenceId;
}
