using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using QuaRot.Gateway.Keys;
using QuaRot.Gateway.Reflection;
using QuaRot.Gateway.Services;
using QuaRot.Gateway.Vllm;

namespace QuaRot.Gateway;

/// <summary>Puts the gateway into a host that has Kestrel and a cluster client.</summary>
public static class GatewayHosting
{
    private const int MaxMessageBytes = 4 * 1024 * 1024;

    /// <summary>Adds the gateway's services; the host configures <see cref="GatewayOptions"/>.</summary>
    public static IServiceCollection AddQuaRotGateway(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ServedModelInfo>();
        services.AddSingleton<TurnStream>();
        services.AddSingleton<RunningRequests>();
        services.AddSingleton<ApiKeyRing>();
        services.AddSingleton<ClusterReadiness>();
        services.AddHostedService(p => p.GetRequiredService<ClusterReadiness>());
        services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = MaxMessageBytes;
            options.Interceptors.Add<RejectionInterceptor>();
            options.Interceptors.Add<ApiKeyInterceptor>();
        });
        return services;
    }

    /// <summary>Maps the gRPC services.</summary>
    public static IEndpointRouteBuilder MapQuaRotGateway(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<InferenceService>();
        endpoints.MapGrpcService<VllmEngineService>();
        endpoints.MapGrpcService<HealthService>();
        endpoints.MapGrpcService<ReflectionService>();
        endpoints.MapGrpcService<ReflectionAlphaService>();
        return endpoints;
    }
}
