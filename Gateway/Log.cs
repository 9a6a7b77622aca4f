using Microsoft.Extensions.Logging;

namespace QuaRot.Gateway;

/// <summary>Log messages of this project; event ids are stable and append-only (2000 to 2099).</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Error, "{Method} failed")]
    public static partial void CallFailed(this ILogger log, string method, Exception exception);

    [LoggerMessage(2001, LogLevel.Warning, "{Method} timed out")]
    public static partial void CallTimedOut(this ILogger log, string method, Exception exception);

    [LoggerMessage(2003, LogLevel.Warning, "{Method}: a silo was lost: {Problem}")]
    public static partial void SiloLost(this ILogger log, string method, string problem);

    [LoggerMessage(2004, LogLevel.Information, "{File} changed: {Count} API key(s) read")]
    public static partial void KeysRead(this ILogger log, string file, int count);

    [LoggerMessage(2005, LogLevel.Warning, "The API keys stay as they were: {Problem}")]
    public static partial void KeysNotRead(this ILogger log, string problem);

    [LoggerMessage(2002, LogLevel.Warning, "The shards are not ready: {Problem}")]
    public static partial void ShardsNotReady(this ILogger log, string problem);
}
