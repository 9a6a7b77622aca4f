namespace QuaRot.Contracts.Shards;

/// <summary>One slice of a model's layers on one device. The key is <c>model/replica/stage</c>; stage 0 leads its replica.</summary>
[Alias("quarot.IShardGrain")]
public interface IShardGrain : IGrainWithStringKey
{
    /// <summary>Host and gateway: loads the slice if that has not happened yet, and says what it holds. Safe to retry.</summary>
    [Alias("Status"), ResponseTimeout("00:30:00")]
    Task<ShardStatus> Status();

    /// <summary>Monitoring, lead only: what the scheduler has done. Safe to retry.</summary>
    [Alias("Scheduler"), ResponseTimeout("00:30:00")]
    Task<SchedulerReport> Scheduler();

    /// <summary>SessionGrain, lead only: up to a burst of tokens after a history. Safe to retry: same history, same tokens.</summary>
    /// <remarks>A failure says nothing about the tokens already received: they stand.</remarks>
    [Alias("Burst")]
    IAsyncEnumerable<BurstToken> Burst(BurstCall burst, CancellationToken cancellationToken);

    /// <summary>Stage before: runs a batch through this stage and all that follow; the last one samples.</summary>
    /// <remarks>On failure the caller drops the KV of the batch's sequences. Safe to retry: rows overwrite their own KV slots.</remarks>
    [Alias("Forward"), ResponseTimeout("00:10:00")]
    Task<SampledTokens> Forward(StageCall call);

    /// <summary>SessionGrain, lead only: frees the KV of a session. Safe to retry.</summary>
    [Alias("Release")]
    Task Release(string sessionId);
}
