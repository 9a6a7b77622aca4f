namespace Grpc.Core;

/// <summary>A call ended with a status other than OK. Thrown by a server method, it sets the status and trailers of the call.</summary>
/// <param name="status">The status of the call.</param>
/// <param name="trailers">Metadata sent, or received, with the status.</param>
/// <param name="message">The text of the exception.</param>
public class RpcException(Status status, Metadata trailers, string message) : Exception(message, status.DebugException)
{
    /// <summary>An exception without trailers.</summary>
    public RpcException(Status status)
        : this(status, Metadata.Empty, status.ToString())
    {
    }

    /// <summary>An exception without trailers, with a text of its own.</summary>
    public RpcException(Status status, string message)
        : this(status, Metadata.Empty, message)
    {
    }

    /// <summary>An exception with trailers.</summary>
    public RpcException(Status status, Metadata trailers)
        : this(status, trailers, status.ToString())
    {
    }

    /// <summary>The status of the call.</summary>
    public Status Status { get; } = status;

    /// <summary>The code in <see cref="Status"/>.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>Metadata that came, or goes, with the status.</summary>
    public Metadata Trailers { get; } = trailers ?? throw new ArgumentNullException(nameof(trailers));
}
