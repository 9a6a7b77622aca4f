using Microsoft.Extensions.Logging;

namespace QuaRot.Grains;

/// <summary>Log messages of this project; event ids are stable and append-only (1000 to 1099).</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "Shard {Shard}: layers {First} to {End} on {Silo}, {WeightBytes} bytes of weights, {KvBytes} bytes of KV cache")]
    public static partial void ShardLoaded(this ILogger log, string shard, int first, int end, string silo, long weightBytes, long kvBytes);

    [LoggerMessage(1001, LogLevel.Error, "Shard {Shard} could not be loaded: {Problem}")]
    public static partial void ShardLoadFailed(this ILogger log, string shard, string problem);

    [LoggerMessage(1002, LogLevel.Warning, "Session {Session}: turn {Turn} failed after {Tokens} token(s)")]
    public static partial void TurnFailed(this ILogger log, string session, int turn, int tokens, Exception exception);

    [LoggerMessage(1004, LogLevel.Warning, "Session {Session}: the replica failed, asking again (attempt {Attempt}): {Problem}")]
    public static partial void BurstRetried(this ILogger log, string session, int attempt, string problem);

    [LoggerMessage(1005, LogLevel.Error, "Session {Session}: the store failed, the session goes back to its last stored state")]
    public static partial void SessionNotStored(this ILogger log, string session, Exception exception);

    [LoggerMessage(1006, LogLevel.Error, "Shard {Shard}: a batch failed")]
    public static partial void BatchFailed(this ILogger log, string shard, Exception exception);

    [LoggerMessage(1003, LogLevel.Warning, "Session {Session}: the KV cache could not be released")]
    public static partial void ReleaseFailed(this ILogger log, string session, Exception exception);
}
