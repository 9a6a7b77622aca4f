using Grpc.Core;
using Grpc.Core.Interceptors;
using QuaRot.Contracts.Health;
using QuaRot.Contracts.Sessions;

namespace QuaRot.Gateway.Keys;

/// <summary>Lets calls with a known key through and says whose they are. Health is open to all, so that probes need no key.</summary>
public sealed class ApiKeyInterceptor(ApiKeyRing keys) : Interceptor
{
    private const string Header = "authorization";
    private const string Scheme = "Bearer ";
    private static readonly object OwnerKey = new();
    private static readonly string OpenPrefix = $"/{Health.Descriptor.FullName}/";

    /// <summary>Who calls; nobody where there are no keys.</summary>
    public static string OwnerOf(ServerCallContext context) =>
        context.UserState.TryGetValue(OwnerKey, out var owner) ? (string)owner : SessionOwner.Nobody;

    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(request, context);
    }

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(request, responseStream, context);
    }

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Admit(context);
        return continuation(requestStream, responseStream, context);
    }

    // The texts never hold what was sent: logs and proxies would keep it.
    private void Admit(ServerCallContext context)
    {
        if (!keys.IsGuarded || context.Method.StartsWith(OpenPrefix, StringComparison.Ordinal))
            return;
        var value = context.RequestHeaders.GetValue(Header)
            ?? throw Refused("this server wants an API key: send 'authorization: Bearer KEY'");
        if (!value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw Refused("is not of the form 'Bearer KEY'");
        context.UserState[OwnerKey] = keys.OwnerOf(value[Scheme.Length..].Trim()) ?? throw Refused("the API key is not known here");
    }

    private static RpcException Refused(string problem) => new(new Status(StatusCode.Unauthenticated, $"{Header}: {problem}"));
}
