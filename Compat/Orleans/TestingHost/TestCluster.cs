using System.Collections.ObjectModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;

namespace Orleans.TestingHost;

/// <summary>A cluster of silos and one client in this process, with ids of its own.</summary>
public class TestCluster : IDisposable, IAsyncDisposable
{
    private readonly List<SiloHandle> _secondaries = [];
    private IHost? _client;
    private short _started;

    public TestCluster(TestClusterOptions options, IReadOnlyList<IConfigurationSource> configurationSources)
    {
        Options = options;
        ConfigurationSources = configurationSources;
    }

    public TestClusterOptions Options { get; }

    public IReadOnlyList<IConfigurationSource> ConfigurationSources { get; }

    public SiloHandle? Primary { get; private set; }

    public IReadOnlyList<SiloHandle> SecondarySilos
    {
        get
        {
            lock (_secondaries)
            {
                return [.. _secondaries];
            }
        }
    }

    public ReadOnlyCollection<SiloHandle> Silos =>
        (Primary is null ? SecondarySilos : [Primary, .. SecondarySilos]).ToList().AsReadOnly();

    public IServiceProvider ServiceProvider => Client.ServiceProvider;

    public IClusterClient Client => _client?.Services.GetRequiredService<IClusterClient>()
        ?? throw new InvalidOperationException("The cluster was not deployed, or was stopped.");

    public IGrainFactory GrainFactory => Client;

    public void Deploy() => DeployAsync().GetAwaiter().GetResult();

    public async Task DeployAsync()
    {
        for (int i = 0; i < Options.InitialSilosCount; i++)
        {
            await StartAdditionalSiloAsync();
        }

        if (Options.InitializeClientOnDeploy)
        {
            await InitializeClientAsync();
        }
    }

    public async Task InitializeClientAsync()
    {
        _client = TestClusterHosts.CreateClient(ConfigurationOf(null));
        await Task.Run(() => _client.StartAsync());
    }

    public async Task<SiloHandle> StartAdditionalSiloAsync(bool startAdditionalSiloOnNewPort = false)
    {
        short number = _started++;
        string name = number == 0 ? "Primary" : $"Secondary_{number}";
        SiloHandle silo = await InProcessSiloHandle.CreateAsync(name, ConfigurationOf((name, number)));
        silo.InstanceNumber = number;
        silo.ClusterOptions = Options;
        if (number == 0)
        {
            Primary = silo;
            return silo;
        }

        lock (_secondaries)
        {
            _secondaries.Add(silo);
        }

        return silo;
    }

    public async Task<List<SiloHandle>> StartAdditionalSilosAsync(int silosToStart, bool startAdditionalSiloOnNewPort = false)
    {
        List<SiloHandle> silos = [];
        for (int i = 0; i < silosToStart; i++)
        {
            silos.Add(await StartAdditionalSiloAsync(startAdditionalSiloOnNewPort));
        }

        return silos;
    }

    /// <summary>Stops a silo: its grains deactivate first.</summary>
    public Task StopSiloAsync(SiloHandle instance) => EndSiloAsync(instance, gracefully: true);

    /// <summary>Kills a silo: its grains learn nothing, and calls to them fail.</summary>
    public Task KillSiloAsync(SiloHandle instance) => EndSiloAsync(instance, gracefully: false);

    public async Task StopClusterClientAsync()
    {
        if (_client is { } client)
        {
            _client = null;
            await Task.Run(() => client.StopAsync());
            client.Dispose();
        }
    }

    public async Task StopAllSilosAsync()
    {
        await StopClusterClientAsync();
        foreach (SiloHandle silo in Silos.Reverse())
        {
            await StopSiloAsync(silo);
        }
    }

    /// <summary>Returns at once: silos of one process know of one another without delay.</summary>
    public Task WaitForLivenessToStabilizeAsync(bool didKill = false) => Task.CompletedTask;

    /// <param name="silo">Null: any.</param>
    public IServiceProvider GetSiloServiceProvider(SiloAddress? silo = null) =>
        ((InProcessSiloHandle)Silos.First(handle => silo is null || handle.SiloAddress.Equals(silo))).ServiceProvider;

    public SiloHandle? GetSiloForAddress(SiloAddress siloAddress) => Silos.FirstOrDefault(silo => silo.SiloAddress.Equals(siloAddress));

    public IEnumerable<SiloHandle> GetActiveSilos() => Silos.Where(silo => silo.IsActive);

    public async ValueTask DisposeAsync()
    {
        await StopClusterClientAsync();
        foreach (SiloHandle silo in Silos.Reverse())
        {
            await silo.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task EndSiloAsync(SiloHandle silo, bool gracefully)
    {
        await silo.StopSiloAsync(gracefully);
        if (Primary == silo)
        {
            Primary = null;
        }

        lock (_secondaries)
        {
            _secondaries.Remove(silo);
        }
    }

    private IConfiguration ConfigurationOf((string Name, short Number)? silo)
    {
        var builder = new ConfigurationBuilder();
        foreach (IConfigurationSource source in ConfigurationSources)
        {
            builder.Add(source);
        }

        Dictionary<string, string?> own = [];
        AddList(own, TestClusterHosts.SiloConfigurators, Options.SiloBuilderConfiguratorTypes);
        AddList(own, TestClusterHosts.ClientConfigurators, Options.ClientBuilderConfiguratorTypes);
        if (silo is { } which)
        {
            own["Orleans:Name"] = which.Name;
            own["Orleans:Endpoints:SiloPort"] = $"{Options.BaseSiloPort + which.Number}";
            own["Orleans:Endpoints:GatewayPort"] = $"{Options.BaseGatewayPort + which.Number}";
        }

        return builder.AddInMemoryCollection(own).Build();
    }

    private static void AddList(Dictionary<string, string?> configuration, string section, List<string?> values)
    {
        for (int i = 0; i < values.Count; i++)
        {
            configuration[$"{section}:{i}"] = values[i];
        }
    }
}
