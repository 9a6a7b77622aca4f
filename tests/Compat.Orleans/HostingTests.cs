using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class HostingTests
{
    private readonly string _cluster = Guid.NewGuid().ToString();

    [Fact]
    public async Task ASiloHostIsItsOwnClient()
    {
        using IHost silo = BuildSilo();
        await silo.StartAsync();
        var grains = silo.Services.GetRequiredService<IGrainFactory>();
        await grains.GetGrain<ITurnGrain>("a", typeof(TurnGrain).FullName).Plain();
        Assert.NotNull(silo.Services.GetRequiredService<IClusterClient>());
        Assert.Equal(_cluster, silo.Services.GetRequiredService<ILocalSiloDetails>().ClusterId);
        await silo.StopAsync();
    }

    [Fact]
    public async Task AClientHostReachesTheSilosOfItsCluster()
    {
        using IHost silo = BuildSilo();
        await silo.StartAsync();
        using IHost client = BuildClient();
        await client.StartAsync();
        var grain = client.Services.GetRequiredService<IClusterClient>().GetGrain<ITurnGrain>("a", typeof(TurnGrain).FullName);
        await grain.Plain();
        await silo.StopAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => grain.Plain().Soon());
        await client.StopAsync();
    }

    [Fact]
    public async Task AClientWithoutAClusterDoesNotStart()
    {
        // It may fail at once or go on trying until its start is called off; it never starts.
        using IHost client = BuildClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAnyAsync<Exception>(() => client.StartAsync(patience.Token)).Soon();
    }

    [Fact]
    public async Task ACollectionAgeWithinTheQuantumIsRefused()
    {
        using IHost silo = BuildSilo(builder =>
            builder.Configure<GrainCollectionOptions>(options => options.CollectionAge = TimeSpan.FromSeconds(1)));
        await Assert.ThrowsAsync<OrleansConfigurationException>(() => silo.StartAsync());
    }

    private IHost BuildSilo(Action<ISiloBuilder>? configure = null)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(serviceId: "service", clusterId: _cluster);
            configure?.Invoke(silo);
        });
        return builder.Build();
    }

    private IHost BuildClient()
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.UseOrleansClient(client => client.UseLocalhostClustering(serviceId: "service", clusterId: _cluster));
        return builder.Build();
    }
}
