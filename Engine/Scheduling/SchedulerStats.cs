namespace QuaRot.Engine.Scheduling;

/// <summary>What a <see cref="BatchScheduler"/> does right now, and its counters since the start.</summary>
public sealed record SchedulerStats
{
    /// <summary>Bursts that hold a place in the batches.</summary>
    public required int Running { get; init; }

    /// <summary>Bursts in the queue, preempted ones included.</summary>
    public required int Waiting { get; init; }

    /// <summary>Sequences that hold KV pages, running or not.</summary>
    public required int Resident { get; init; }

    /// <summary>KV pages that sequences hold.</summary>
    public required int PagesUsed { get; init; }

    /// <summary>KV pages of the replica.</summary>
    public required int PagesTotal { get; init; }

    /// <summary>Rows that belonged to a prompt or to a history computed anew.</summary>
    public required long TokensPrefilled { get; init; }

    /// <summary>Rows that continued a sequence by its newest token.</summary>
    public required long TokensDecoded { get; init; }

    /// <summary>Micro-batches that have ended.</summary>
    public required long Batches { get; init; }

    /// <summary>Rows of a micro-batch on average; 0 before the first.</summary>
    public required double MeanBatchRows { get; init; }

    /// <summary>Times that a running sequence lost its KV to an older one.</summary>
    public required long Preemptions { get; init; }

    /// <summary>Times that a sequence which did not run lost its KV.</summary>
    public required long Evictions { get; init; }
}
