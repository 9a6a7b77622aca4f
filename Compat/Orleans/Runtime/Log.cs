using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>What the stand-in logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "In-process stand-in for Orleans: silo {Name} at {Address} joined cluster {Cluster}")]
    public static partial void SiloActive(ILogger logger, string name, SiloAddress address, string cluster);

    [LoggerMessage(2, LogLevel.Error, "Lifecycle observer {Name} of stage {Stage} failed to stop")]
    public static partial void ObserverFailedToStop(ILogger logger, Exception error, string name, int stage);

    [LoggerMessage(3, LogLevel.Warning, "{Activation} failed to activate")]
    public static partial void ActivationFailed(ILogger logger, Exception error, string activation);

    [LoggerMessage(4, LogLevel.Error, "{Activation} failed to deactivate cleanly")]
    public static partial void DeactivationFailed(ILogger logger, Exception error, string activation);

    [LoggerMessage(5, LogLevel.Warning, "{Request}, which nobody awaits, failed")]
    public static partial void OneWayRequestFailed(ILogger logger, Exception error, string request);

    [LoggerMessage(6, LogLevel.Warning, "{Activation} failed to end an enumeration")]
    public static partial void EnumerationFailedToEnd(ILogger logger, Exception error, string activation);
}
