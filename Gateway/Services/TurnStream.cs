using Grpc.Core;
using Microsoft.Extensions.Hosting;
using QuaRot.Contracts.Sessions;

namespace QuaRot.Gateway.Services;

/// <summary>Runs a turn for a call: until it ends, its client goes away, or the server shuts down.</summary>
public sealed class TurnStream(IHostApplicationLifetime lifetime)
{
    /// <summary>Hands each event to <paramref name="write"/>; asks for no more before that is done.</summary>
    /// <exception cref="RpcException">UNAVAILABLE: the server shuts down. The turn ends with what was streamed, instead of holding the server up.</exception>
    public async Task Run(
        Func<CancellationToken, IAsyncEnumerable<TurnEvent>> start, Func<TurnEvent, CancellationToken, Task> write, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (var turnEvent in start(ended.Token).WithCancellation(ended.Token))
                await write(turnEvent, ended.Token);
            ended.Token.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The server is shutting down; a session keeps what was streamed."));
        }
    }
}
