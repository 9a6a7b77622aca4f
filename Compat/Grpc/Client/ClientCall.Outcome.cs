using Grpc.Core;
using Grpc.Protocol;

namespace Grpc.Net.Client;

// How a call ends.
internal sealed partial class ClientCall<TRequest, TResponse>
{
    private static readonly Status NoResponse = new(StatusCode.Internal, "Failed to deserialize response message.");
    private CancellationTokenRegistration _userCancels;
    private DeadlineTimer? _deadline;
    private volatile Outcome? _outcome;
    private volatile bool _disposed;

    public Status GetStatus() => _outcome?.Status
        ?? throw new InvalidOperationException("Unable to get the status because the call is not complete.");

    public Metadata GetTrailers() => _outcome?.Trailers
        ?? throw new InvalidOperationException("Can't get the call trailers because the call has not completed successfully.");

    public void Dispose()
    {
        _disposed = true;
        End(new Status(StatusCode.Cancelled, "gRPC call disposed."), []);
    }

    /// <summary>Cancels the call when the token is cancelled.</summary>
    public CancellationTokenRegistration CancelWith(CancellationToken cancellationToken) => cancellationToken.Register(() =>
        End(new Status(StatusCode.Cancelled, "Call canceled by the client.", new OperationCanceledException(cancellationToken)), []));

    /// <summary>What a failed write throws: the outcome of the call, or what broke the write if the outcome is not yet known.</summary>
    public Exception WriteFailure(Exception exception) => _outcome switch
    {
        null when exception is RpcException => exception,
        null => new RpcException(StatusMapping.FromException("Error writing message.", exception)),
        { Status.StatusCode: StatusCode.OK } => new RpcException(new Status(StatusCode.Cancelled, "The call has been completed.")),
        _ => OutcomeException(),
    };

    private void WatchForEnd()
    {
        _userCancels = CancelWith(Options.CancellationToken);
        if (Options.Deadline is { } deadline && deadline != DateTime.MaxValue)
        {
            _deadline = new DeadlineTimer(deadline, () => End(new Status(StatusCode.DeadlineExceeded, ""), []));
        }

        if (_outcome is not null)
        {
            Release(); // the token was cancelled or the deadline past before there was anything to release
        }
    }

    private void Attach(HttpResponseMessage response)
    {
        _response = response;
        if (_outcome is not null)
        {
            response.Dispose();
            throw new OperationCanceledException(_over.Token);
        }
    }

    private void EndFromTrailers(bool messageMissing)
    {
        var trailers = _response!.TrailingHeaders;
        var status = StatusMapping.Read(trailers) ?? new Status(StatusCode.Cancelled, "No grpc-status found on response.");
        End(messageMissing && status.StatusCode == StatusCode.OK ? NoResponse : status, ReadMetadata(trailers));
    }

    private Exception Failure(string summary, Exception exception)
    {
        var status = exception switch
        {
            RpcException rpc => rpc.Status,
            OperationCanceledException => new Status(StatusCode.Cancelled, "", exception),
            _ => StatusMapping.FromException(summary, exception),
        };
        if (status.StatusCode == StatusCode.Cancelled && Options.Deadline <= DateTime.UtcNow)
        {
            // The server saw the deadline pass first and reset the stream.
            status = new Status(StatusCode.DeadlineExceeded, status.Detail, exception);
        }

        End(status, []);
        return OutcomeException();
    }

    private Exception OutcomeException()
    {
        var (status, trailers) = _outcome!;
        return new RpcException(status, trailers);
    }

    private void End(Status status, Metadata trailers)
    {
        if (Interlocked.CompareExchange(ref _outcome, new Outcome(status, trailers), null) is null)
        {
            Release();
        }
    }

    // Cancelling resets the stream unless both sides are done with it; it also ends reads and writes under way.
    private void Release()
    {
        _channel.Unregister(this);
        _userCancels.Unregister();
        _deadline?.Dispose();
        _over.Cancel();
        _response?.Dispose();
    }

    private sealed record Outcome(Status Status, Metadata Trailers);
}
