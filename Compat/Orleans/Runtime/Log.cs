using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>What the stand-in logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "In-process stand-in for Orleans: silo {Name} at {Address} joined cluster {Cluster}")]
    public static partial void SiloActive(ILogger logger, string name, SiloAddress address, string cluster);

    [LoggerMessage(3, LogLevel.Warning, "{Activation} failed to activate")]
    public static partial void ActivationFailed(ILogger logger, Exception error, string activation);

    [LoggerMessage(4, LogLevel.Error, "{Activation} failed to deactivate cleanly")]
    public static partial void DeactivationFailed(ILogger logger, Exception error, string activation);

    [LoggerMessage(6, LogLevel.Warning, "{Activation} failed to end an enumeration")]
    public static partial void EnumerationFailedToEnd(ILogger logger, Exception error, string activation);
}
