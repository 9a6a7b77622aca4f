namespace QuaRot.Engine.Scheduling;

/// <summary>Limits of a <see cref="BatchScheduler"/>.</summary>
public sealed record SchedulerOptions
{
    /// <summary>Most rows (decoded tokens plus prefilled ones) of a micro-batch.</summary>
    public int MaxBatchTokens { get; init; } = 512;

    /// <summary>
    /// Most sequences that run at once; <see cref="MaxBatchTokens"/> caps it too, so that decoding never starves a prefill.
    /// </summary>
    public int MaxRunning { get; init; } = 256;

    /// <summary>Most bursts that wait to run; one more is refused, unless it continues an answer.</summary>
    public int MaxQueue { get; init; } = 1024;

    /// <summary>
    /// Most tokens of a sequence, prompt and answer together (the model's max_position_embeddings); the KV pages may allow fewer.
    /// </summary>
    public int MaxContext { get; init; } = int.MaxValue;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is below 1.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxBatchTokens);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRunning);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxQueue);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxContext);
    }
}
