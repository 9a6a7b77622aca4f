using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Orleans.Hosting;

/// <summary>The services behind UseOrleans and UseOrleansClient. A second call goes on with the same one.</summary>
internal static class HostServices
{
    public static ISiloBuilder AddSilo(IServiceCollection services, IConfiguration configuration)
    {
        if (services.FirstOrDefault(service => service.ServiceType == typeof(ISiloBuilder)) is { } known)
        {
            return (ISiloBuilder)known.ImplementationInstance!;
        }

        Exclude<IClientBuilder>(services);
        AddOptions(services, configuration);
        services.AddOptions<EndpointOptions>().Bind(configuration.GetSection("Orleans:Endpoints"));
        services.AddSingleton<Silo>();
        services.AddSingleton<ILocalSiloDetails>(provider => provider.GetRequiredService<Silo>());
        services.AddSingleton(provider => new GrainFactory(provider.GetRequiredService<Silo>().Caller, provider));
        services.AddKeyedSingleton<IPlacementDirector, RandomPlacementDirector>(typeof(RandomPlacement));
        services.AddHostedService<SiloHostedService>();
        var builder = new SiloBuilder(services, configuration);
        services.AddSingleton<ISiloBuilder>(builder);
        return builder;
    }

    public static IClientBuilder AddClient(IServiceCollection services, IConfiguration configuration)
    {
        if (services.FirstOrDefault(service => service.ServiceType == typeof(IClientBuilder)) is { } known)
        {
            return (IClientBuilder)known.ImplementationInstance!;
        }

        Exclude<ISiloBuilder>(services);
        AddOptions(services, configuration);
        services.AddSingleton(ClientFactory);
        services.AddHostedService<ClientHostedService>();
        var builder = new ClientBuilder(services, configuration);
        services.AddSingleton<IClientBuilder>(builder);
        return builder;
    }

    private static GrainFactory ClientFactory(IServiceProvider provider)
    {
        ClusterOptions cluster = provider.GetRequiredService<IOptions<ClusterOptions>>().Value;
        var caller = new GrainCaller(
            () => InProcessCluster.Named(cluster.ClusterId, cluster.ServiceId),
            null,
            provider.GetRequiredService<IOptions<ClientMessagingOptions>>().Value.ResponseTimeout,
            provider.GetRequiredService<TimeProvider>());
        return new GrainFactory(caller, provider);
    }

    private static void AddOptions(IServiceCollection services, IConfiguration configuration)
    {
        services.AddLogging();
        services.AddOptions();
        services.AddOptions<ClusterOptions>().Bind(configuration.GetSection("Orleans"));
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IClusterClient>(provider => provider.GetRequiredService<GrainFactory>());
        services.AddSingleton<IGrainFactory>(provider => provider.GetRequiredService<GrainFactory>());
    }

    private static void Exclude<TOther>(IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(TOther)))
        {
            throw new OrleansConfigurationException("Do not use UseOrleans with UseOrleansClient: a silo is its own client.");
        }
    }

    private sealed class SiloHostedService(Silo silo) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            silo.Start();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => silo.StopAsync(cancellationToken);
    }

    private sealed class ClientHostedService(IOptions<ClusterOptions> options) : IHostedService
    {
        /// <exception cref="SiloUnavailableException">No silo of the cluster runs in this process.</exception>
        public Task StartAsync(CancellationToken cancellationToken)
        {
            ClusterOptions cluster = options.Value;
            return InProcessCluster.Named(cluster.ClusterId, cluster.ServiceId).ActiveSilos.Length > 0
                ? Task.CompletedTask
                : throw new SiloUnavailableException(
                    $"Could not connect to cluster {cluster.ClusterId} of service {cluster.ServiceId}: this build has "
                    + " the in-process stand-in for Orleans, and no silo of that cluster runs in this process.");
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
