namespace Grpc.Core;

/// <summary>A call with many requests and many responses.</summary>
/// <param name="requestStream">Takes the requests.</param>
/// <param name="responseStream">Gives the responses.</param>
/// <param name="responseHeadersAsync">The response headers.</param>
/// <param name="getStatusFunc">Gives the status of a finished call.</param>
/// <param name="getTrailersFunc">Gives the trailers of a finished call.</param>
/// <param name="disposeAction">Cancels the call unless it is over.</param>
public sealed class AsyncDuplexStreamingCall<TRequest, TResponse>(
    IClientStreamWriter<TRequest> requestStream,
    IAsyncStreamReader<TResponse> responseStream,
    Task<Metadata> responseHeadersAsync,
    Func<Status> getStatusFunc,
    Func<Metadata> getTrailersFunc,
    Action disposeAction)
    : IDisposable
{
    /// <summary>Takes the requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream => requestStream;

    /// <summary>Gives the responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream => responseStream;

    /// <summary>The response headers, as soon as they are there.</summary>
    public Task<Metadata> ResponseHeadersAsync => responseHeadersAsync;

    /// <summary>The status of the call; throws while it runs.</summary>
    public Status GetStatus() => getStatusFunc();

    /// <summary>The trailers of the call; throws while it runs.</summary>
    public Metadata GetTrailers() => getTrailersFunc();

    /// <summary>Cancels the call unless it is over, and frees what it holds.</summary>
    public void Dispose() => disposeAction();
}
