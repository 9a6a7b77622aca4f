namespace QuaRot.Engine.Scheduling;

/// <summary>The queue is full: the burst was refused before anything was touched, and may be asked for again.</summary>
/// <param name="limit">Most bursts that may wait.</param>
/// <param name="retryAfter">When a place in the queue is likely to be free.</param>
public sealed class AdmissionException(int limit, TimeSpan retryAfter)
    : Exception($"{limit} bursts wait already, which is the limit; try again in {retryAfter.TotalMilliseconds:F0} ms.")
{
    /// <summary>Most bursts that may wait.</summary>
    public int Limit { get; } = limit;

    /// <summary>When a place in the queue is likely to be free.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}
