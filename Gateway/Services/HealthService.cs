using Grpc.Core;
using Microsoft.Extensions.Hosting;
using QuaRot.Contracts.Health;
using QuaRot.Contracts.V1;
using ServingStatus = QuaRot.Contracts.Health.HealthCheckResponse.Types.ServingStatus;

namespace QuaRot.Gateway.Services;

/// <summary>grpc.health.v1: SERVING once every shard is loaded.</summary>
public sealed class HealthService(ClusterReadiness readiness, IHostApplicationLifetime lifetime) : Health.HealthBase
{
    private static readonly string[] Services = ["", Inference.Descriptor.FullName];

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) => Services.Contains(request.Service)
        ? Task.FromResult(new HealthCheckResponse { Status = Current })
        : throw new RpcException(new Status(StatusCode.NotFound, $"service: '{request.Service}' is not known here"));

    /// <inheritdoc/>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var known = Services.Contains(request.Service);
        ServingStatus? sent = null;
        while (!ended.IsCancellationRequested)
        {
            var changed = readiness.Changed;
            var status = known ? Current : ServingStatus.ServiceUnknown;
            if (status != sent)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
            sent = status;
            await changed.WaitAsync(ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private ServingStatus Current => readiness.IsReady ? ServingStatus.Serving : ServingStatus.NotServing;
}
