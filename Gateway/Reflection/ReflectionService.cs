using Grpc.Core;
using Microsoft.Extensions.Hosting;
using QuaRot.Contracts.Reflection.V1;

namespace QuaRot.Gateway.Reflection;

/// <summary>grpc.reflection.v1: lets tools call this gateway without its proto files.</summary>
public sealed class ReflectionService(IHostApplicationLifetime lifetime) : ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream, IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        // A tool that keeps its stream open does not hold up the end of the server.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await foreach (var request in requestStream.ReadAllAsync(ended.Token))
            await responseStream.WriteAsync(ReflectionAnswers.To(request), ended.Token);
    }
}
