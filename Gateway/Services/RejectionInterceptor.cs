using System.Globalization;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using QuaRot.Contracts;

namespace QuaRot.Gateway.Services;

/// <summary>Turns what the cluster throws into the gRPC status that a client can act on.</summary>
public sealed class RejectionInterceptor(TimeProvider time, ILogger<RejectionInterceptor> log) : Interceptor
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (IOException)
        {
            // The client reset its stream while the method read from it: it left, and nobody is there to be told.
            throw new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    private RpcException Translate(Exception exception, ServerCallContext context)
    {
        if (EndedCall.StatusOf(exception, context.Deadline, context.CancellationToken.IsCancellationRequested, time.GetUtcNow().UtcDateTime) is { } ended)
            return new RpcException(ended);
        switch (exception)
        {
            case RequestRejectedException rejected:
                return new RpcException(new Status(StatusOf(rejected.Reason), rejected.Message), TrailersOf(rejected));
            case OrleansMessageRejectionException or EnumerationAbortedException:
                // SiloUnavailableException is one of the first kind; another is a call that met its grain on the way out.
                log.SiloLost(context.Method, exception.Message);
                return new RpcException(new Status(StatusCode.Unavailable, $"A silo was lost; ask again. {exception.Message}"));
            case TimeoutException:
                log.CallTimedOut(context.Method, exception);
                return new RpcException(new Status(StatusCode.DeadlineExceeded, exception.Message));
            default:
                // Whatever else it is, it is ours: log it whole, tell the client only that it was not its fault.
                log.CallFailed(context.Method, exception);
                return new RpcException(new Status(StatusCode.Internal, $"The cluster failed on this call: {exception.Message}"));
        }
    }

    private static StatusCode StatusOf(RejectionReason reason) => reason switch
    {
        RejectionReason.InvalidArgument => StatusCode.InvalidArgument,
        RejectionReason.NotFound => StatusCode.NotFound,
        RejectionReason.Busy => StatusCode.FailedPrecondition,
        RejectionReason.Overloaded => StatusCode.ResourceExhausted,
        RejectionReason.Unavailable => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    private static Metadata TrailersOf(RequestRejectedException rejected)
    {
        if (rejected.Reason is not (RejectionReason.Overloaded or RejectionReason.Unavailable))
            return [];
        var wait = rejected.RetryAfter ?? RetryAfter;
        return new Metadata { { "grpc-retry-pushback-ms", wait.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) } };
    }
}
