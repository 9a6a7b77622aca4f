using Orleans.TestingHost;
using Xunit;

[assembly: AssemblyFixture(typeof(QuaRot.Compat.Orleans.Tests.ClusterFixture))]

namespace QuaRot.Compat.Orleans.Tests;

/// <summary>Two silos for all tests that break nothing.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    public TestCluster Cluster { get; } = Create<DefaultSilo>(2);

    public IGrainFactory Grains => Cluster.GrainFactory;

    public static TestCluster Create<TConfigurator>(short silos)
        where TConfigurator : ISiloConfigurator, new() =>
        new TestClusterBuilder(silos).AddSiloBuilderConfigurator<TConfigurator>().Build();

    public async ValueTask InitializeAsync() => await Cluster.DeployAsync();

    public async ValueTask DisposeAsync() => await Cluster.DisposeAsync();
}

/// <summary>What every silo of the tests has.</summary>
public class DefaultSilo : ISiloConfigurator
{
    public const string Store = "store";

    public virtual void Configure(ISiloBuilder siloBuilder)
    {
        siloBuilder.AddMemoryGrainStorage(Store);
        siloBuilder.AddPlacementDirector<KeyedPlacement, KeyedPlacementDirector>();
    }
}
