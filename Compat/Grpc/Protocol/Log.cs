using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Grpc.Protocol;

/// <summary>The log messages of the stand-in; event ids are stable.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Error, "Error when executing service method '{Method}'.")]
    public static partial void HandlerFailed(ILogger logger, string method, Exception exception);

    [LoggerMessage(2, LogLevel.Debug, "Service method '{Method}' ended because its call was cancelled.")]
    public static partial void HandlerCancelled(ILogger logger, string method);

    [LoggerMessage(3, LogLevel.Debug, "Call of '{Method}' ended with {Code}: {Detail}")]
    public static partial void CallEnded(ILogger logger, string method, StatusCode code, string detail);

    [LoggerMessage(4, LogLevel.Debug, "The deadline of '{Method}' passed but its status could not be sent.")]
    public static partial void DeadlineNotSent(ILogger logger, string method, Exception exception);
}
