using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Orleans.TestingHost;

/// <summary>Builds the hosts of a test cluster from its configuration and the configurators named there.</summary>
internal static class TestClusterHosts
{
    public const string SiloConfigurators = nameof(TestClusterOptions.SiloBuilderConfiguratorTypes);
    public const string ClientConfigurators = nameof(TestClusterOptions.ClientBuilderConfiguratorTypes);

    public static IHost CreateSilo(IConfiguration configuration, Action<IHostBuilder>? configure = null)
    {
        IHostBuilder builder = Begin(configuration);
        builder.UseOrleans(_ => { });
        foreach (object configurator in Configurators(configuration, SiloConfigurators))
        {
            (configurator as IHostConfigurator)?.Configure(builder);
            builder.UseOrleans(silo => (configurator as ISiloConfigurator)?.Configure(silo));
        }

        configure?.Invoke(builder);
        return builder.Build();
    }

    public static IHost CreateClient(IConfiguration configuration)
    {
        IHostBuilder builder = Begin(configuration);
        builder.UseOrleansClient();
        foreach (object configurator in Configurators(configuration, ClientConfigurators))
        {
            (configurator as IHostConfigurator)?.Configure(builder);
            builder.UseOrleansClient(client => (configurator as IClientBuilderConfigurator)?.Configure(configuration, client));
        }

        return builder.Build();
    }

    private static IHostBuilder Begin(IConfiguration configuration) => new HostBuilder()
        .UseEnvironment(Environments.Development)
        .ConfigureHostConfiguration(host => host.AddConfiguration(configuration));

    private static IEnumerable<object> Configurators(IConfiguration configuration, string section) =>
        configuration.GetSection(section).GetChildren()
            .Select(child => Activator.CreateInstance(Type.GetType(child.Value!, throwOnError: true)!)!)
            .ToList();
}
