using Grpc.Core;
using Microsoft.Extensions.Hosting;
using QuaRot.Contracts.Health;
using QuaRot.Gateway.Reflection;
using ServingStatus = QuaRot.Contracts.Health.HealthCheckResponse.Types.ServingStatus;

namespace QuaRot.Gateway.Services;

/// <summary>grpc.health.v1: SERVING once every shard is loaded; NOT_SERVING while one is missing and from the moment the server begins to stop.</summary>
/// <remarks>The empty name and the services that compute depend on the shards; health and reflection serve as long as the gateway does.</remarks>
public sealed class HealthService(ClusterReadiness readiness, IHostApplicationLifetime lifetime) : Health.HealthBase
{
    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) => StatusOf(request.Service) is { } status
        ? Task.FromResult(new HealthCheckResponse { Status = status })
        : throw new RpcException(new Status(StatusCode.NotFound, $"service: '{request.Service}' is not known here"));

    /// <inheritdoc/>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        ServingStatus? sent = null;
        while (true)
        {
            var (changed, isLast) = (readiness.Changed, ended.IsCancellationRequested);
            var status = StatusOf(request.Service) ?? ServingStatus.ServiceUnknown;
            if (status != sent)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
            if (isLast)
                return;
            sent = status;
            await changed.WaitAsync(ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Null: no such service.
    private ServingStatus? StatusOf(string service)
    {
        var needsModel = service.Length == 0 || ServedSchema.ModelServices.Contains(service);
        if (!needsModel && !ServedSchema.Services.Contains(service))
            return null;
        var serves = !lifetime.ApplicationStopping.IsCancellationRequested && (!needsModel || readiness.IsReady);
        return serves ? ServingStatus.Serving : ServingStatus.NotServing;
    }
}
