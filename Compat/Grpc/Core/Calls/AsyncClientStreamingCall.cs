using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>A call with many requests and one response. Await it for the response.</summary>
/// <param name="requestStream">Takes the requests.</param>
/// <param name="responseAsync">The response, or the failure of the call.</param>
/// <param name="responseHeadersAsync">The response headers.</param>
/// <param name="getStatusFunc">Gives the status of a finished call.</param>
/// <param name="getTrailersFunc">Gives the trailers of a finished call.</param>
/// <param name="disposeAction">Cancels the call unless it is over.</param>
public sealed class AsyncClientStreamingCall<TRequest, TResponse>(
    IClientStreamWriter<TRequest> requestStream,
    Task<TResponse> responseAsync,
    Task<Metadata> responseHeadersAsync,
    Func<Status> getStatusFunc,
    Func<Metadata> getTrailersFunc,
    Action disposeAction)
    : IDisposable
{
    /// <summary>Takes the requests.</summary>
    public IClientStreamWriter<TRequest> RequestStream => requestStream;

    /// <summary>The response; fails with an <see cref="RpcException"/> when the status is not OK.</summary>
    public Task<TResponse> ResponseAsync => responseAsync;

    /// <summary>The response headers, as soon as they are there.</summary>
    public Task<Metadata> ResponseHeadersAsync => responseHeadersAsync;

    /// <summary>Makes the call awaitable.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => responseAsync.GetAwaiter();

    /// <summary>Configures an await of the call.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        responseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status of the call; throws while it runs.</summary>
    public Status GetStatus() => getStatusFunc();

    /// <summary>The trailers of the call; throws while it runs.</summary>
    public Metadata GetTrailers() => getTrailersFunc();

    /// <summary>Cancels the call unless it is over, and frees what it holds.</summary>
    public void Dispose() => disposeAction();
}
