using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;

namespace Orleans.TestingHost;

/// <summary>Builds a test cluster.</summary>
/// <param name="initialSilosCount">How many silos it has to begin with.</param>
public class TestClusterBuilder(short initialSilosCount)
{
    private readonly List<Action<ISiloBuilder>> _silo = [];
    private readonly List<Action<IConfiguration, IClientBuilder>> _client = [];

    /// <summary>Configuration of every silo host and of the client host.</summary>
    public Dictionary<string, string?> Properties { get; } = [];

    /// <typeparam name="T">One instance for each silo.</typeparam>
    public TestClusterBuilder AddSiloBuilderConfigurator<T>()
        where T : ISiloConfigurator, new()
    {
        _silo.Add(silo => new T().Configure(silo));
        return this;
    }

    public TestClusterBuilder AddClientBuilderConfigurator<T>()
        where T : IClientBuilderConfigurator, new()
    {
        _client.Add((configuration, client) => new T().Configure(configuration, client));
        return this;
    }

    public TestCluster Build()
    {
        Dictionary<string, string?> settings = new(Properties)
        {
            ["Orleans:ClusterId"] = $"testcluster-{Guid.NewGuid():N}",
            ["Orleans:ServiceId"] = Guid.NewGuid().ToString("N"),
        };
        return new TestCluster(initialSilosCount, () => CreateSilo(settings), () => CreateClient(settings));
    }

    private static HostApplicationBuilder CreateHost(Dictionary<string, string?> settings)
    {
        var host = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { EnvironmentName = Environments.Development });
        host.Configuration.AddInMemoryCollection(settings);
        return host;
    }

    private IHost CreateSilo(Dictionary<string, string?> settings)
    {
        HostApplicationBuilder host = CreateHost(settings);
        host.UseOrleans(silo => _silo.ForEach(configure => configure(silo)));
        return host.Build();
    }

    private IHost CreateClient(Dictionary<string, string?> settings)
    {
        HostApplicationBuilder host = CreateHost(settings);
        host.UseOrleansClient(client => _client.ForEach(configure => configure(host.Configuration, client)));
        return host.Build();
    }
}
