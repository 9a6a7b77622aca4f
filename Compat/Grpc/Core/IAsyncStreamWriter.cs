namespace Grpc.Core;

/// <summary>A stream of outgoing messages.</summary>
/// <typeparam name="T">The type of the messages.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>Writes a message; waits while the peer's flow control window is full. One write at a time.</summary>
    Task WriteAsync(T message);

    /// <summary>Writes a message; cancelling the write cancels the call.</summary>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("Cancellation of stream writes is not supported by this gRPC implementation.")
        : WriteAsync(message);
}
