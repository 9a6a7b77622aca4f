namespace Grpc.Core;

/// <summary>The result of a call: a code and a text for people.</summary>
/// <param name="statusCode">The result code.</param>
/// <param name="detail">What went wrong; sent to the peer.</param>
/// <param name="debugException">The exception behind the status; never sent to the peer.</param>
public struct Status(StatusCode statusCode, string detail, Exception? debugException)
{
    /// <summary>Success without a text.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary>Cancelled without a text.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    /// <summary>A status without an exception behind it.</summary>
    public Status(StatusCode statusCode, string detail)
        : this(statusCode, detail, null)
    {
    }

    /// <summary>The result code.</summary>
    public StatusCode StatusCode { get; } = statusCode;

    /// <summary>What went wrong, for people.</summary>
    public string Detail { get; } = detail;

    /// <summary>The exception behind the status on this side of the connection.</summary>
    public Exception? DebugException { get; } = debugException;

    /// <inheritdoc />
    public override readonly string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", " +
            $"DebugException=\"{DebugException.GetType()}: {DebugException.Message}\")";
}
