using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using QuaRot.Contracts.Reflection.V1Alpha;
using V1 = QuaRot.Contracts.Reflection.V1;

namespace QuaRot.Gateway.Reflection;

/// <summary>grpc.reflection.v1alpha, which older tools ask for: the same messages under another name.</summary>
public sealed class ReflectionAlphaService(IHostApplicationLifetime lifetime) : ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream, IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        // A tool that keeps its stream open does not hold up the end of the server.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await foreach (var request in requestStream.ReadAllAsync(ended.Token))
            await responseStream.WriteAsync(ToAlpha(ReflectionAnswers.To(FromAlpha(request))), ended.Token);
    }

    private static V1.ServerReflectionRequest FromAlpha(ServerReflectionRequest request) => V1.ServerReflectionRequest.Parser.ParseFrom(request.ToByteString());

    private static ServerReflectionResponse ToAlpha(V1.ServerReflectionResponse response) => ServerReflectionResponse.Parser.ParseFrom(response.ToByteString());
}
