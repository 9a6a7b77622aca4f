using Microsoft.Extensions.Configuration;

namespace Orleans.TestingHost;

/// <summary>Builds a test cluster.</summary>
public class TestClusterBuilder
{
    private readonly List<Action<IConfigurationBuilder>> _configurations = [];

    public TestClusterBuilder()
        : this(2)
    {
    }

    public TestClusterBuilder(short initialSilosCount) => Options = new TestClusterOptions
    {
        InitialSilosCount = initialSilosCount,
        ClusterId = $"testcluster-{Guid.NewGuid():N}",
        ServiceId = Guid.NewGuid().ToString("N"),
    };

    public TestClusterOptions Options { get; }

    /// <summary>Configuration of every silo host and of the client host.</summary>
    public Dictionary<string, string?> Properties { get; } = [];

    public TestClusterBuilder ConfigureHostConfiguration(Action<IConfigurationBuilder> configureDelegate)
    {
        _configurations.Add(configureDelegate);
        return this;
    }

    /// <typeparam name="T">An <see cref="ISiloConfigurator"/> or <see cref="IHostConfigurator"/>; one instance for each silo.</typeparam>
    public TestClusterBuilder AddSiloBuilderConfigurator<T>()
        where T : new()
    {
        Check<T, ISiloConfigurator>();
        Options.SiloBuilderConfiguratorTypes.Add(typeof(T).AssemblyQualifiedName);
        return this;
    }

    /// <typeparam name="T">An <see cref="IClientBuilderConfigurator"/> or <see cref="IHostConfigurator"/>.</typeparam>
    public TestClusterBuilder AddClientBuilderConfigurator<T>()
        where T : new()
    {
        Check<T, IClientBuilderConfigurator>();
        Options.ClientBuilderConfiguratorTypes.Add(typeof(T).AssemblyQualifiedName);
        return this;
    }

    public TestCluster Build()
    {
        var builder = new ConfigurationBuilder();
        builder.AddInMemoryCollection(Properties);
        builder.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Orleans:ClusterId"] = Options.ClusterId,
            ["Orleans:ServiceId"] = Options.ServiceId,
        });
        _configurations.ForEach(configure => configure(builder));
        return new TestCluster(Options, [.. builder.Sources]);
    }

    private static void Check<T, TConfigurator>()
    {
        if (!typeof(TConfigurator).IsAssignableFrom(typeof(T)) && !typeof(IHostConfigurator).IsAssignableFrom(typeof(T)))
        {
            throw new ArgumentException($"{typeof(T)} is neither a {typeof(TConfigurator).Name} nor an {nameof(IHostConfigurator)}.");
        }
    }
}
