using Orleans.TestingHost;
using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class FailureTests
{
    [Fact]
    public async Task AKilledSilosCallsFailAndItsGrainsComeBackElsewhere()
    {
        await using TestCluster cluster = ClusterFixture.Create<DefaultSilo>(2);
        await cluster.DeployAsync();
        (ILifeGrain grain, string key, int first) = await GrainOnAsync(cluster, cluster.SecondarySilos[0]);
        Task held = grain.Hold();
        await Signals.Wait($"{key} held");
        Task waiting = grain.Total();
        await cluster.KillSiloAsync(cluster.SecondarySilos[0]);
        await LostAsync(held);
        await LostAsync(waiting);
        (string where, int second) = await grain.Where().Soon();
        Assert.Equal(cluster.Primary!.SiloAddress.ToParsableString(), where);
        Assert.NotEqual(first, second);
        // Whether memory storage outlives a killed silo is open: it may have lived there.
        Assert.False(Signals.IsSet($"{key} {first} gone"));
    }

    [Fact]
    public async Task AStoppedSilosGrainsSayGoodbye()
    {
        await using TestCluster cluster = ClusterFixture.Create<DefaultSilo>(2);
        await cluster.DeployAsync();
        (ILifeGrain grain, string key, int first) = await GrainOnAsync(cluster, cluster.SecondarySilos[0]);
        Task held = grain.Hold();
        await Signals.Wait($"{key} held");
        Task stopping = cluster.StopSiloAsync(cluster.SecondarySilos[0]);
        Signals.Set($"{key} go");
        await Task.WhenAll(held, stopping).Soon();
        Assert.Equal("ShuttingDown", await Signals.Wait($"{key} {first} gone"));
        (string where, _) = await grain.Where();
        Assert.Equal(cluster.Primary!.SiloAddress.ToParsableString(), where);
    }

    [Fact]
    public async Task AnAdditionalSiloTakesGrains()
    {
        await using TestCluster cluster = ClusterFixture.Create<DefaultSilo>(1);
        await cluster.DeployAsync();
        SiloHandle added = await cluster.StartAdditionalSiloAsync();
        await GrainOnAsync(cluster, added);
        Assert.Equal(2, cluster.Silos.Count);
    }

    // Who notices first decides: the membership, the connection, or the caller's patience.
    private static async Task LostAsync(Task call)
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(() => call.Soon());
        Assert.True(error is SiloUnavailableException or TimeoutException, error.ToString());
    }

    private static async Task<(ILifeGrain Grain, string Key, int Activation)> GrainOnAsync(TestCluster cluster, SiloHandle silo)
    {
        string key = $"{silo.SiloAddress.ToParsableString()} {Guid.NewGuid()}";
        var grain = cluster.GrainFactory.GetGrain<ILifeGrain>(key);
        await grain.Add(1);
        (string where, int activation) = await grain.Where();
        Assert.Equal(silo.SiloAddress.ToParsableString(), where);
        return (grain, key, activation);
    }
}
