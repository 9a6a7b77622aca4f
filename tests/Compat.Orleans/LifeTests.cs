using Orleans.Configuration;
using Orleans.TestingHost;
using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class LifeTests(ClusterFixture fixture)
{
    private readonly string _key = Guid.NewGuid().ToString();

    [Fact]
    public async Task APlacementDirectorChoosesTheSilo()
    {
        foreach (SiloHandle silo in fixture.Cluster.Silos)
        {
            string address = silo.SiloAddress.ToParsableString();
            (string where, _) = await fixture.Grains.GetGrain<ILifeGrain>($"{address} {_key}").Where();
            Assert.Equal(address, where);
        }
    }

    [Fact]
    public async Task DeactivateOnIdleEndsTheActivationAndTheNextCallMakesAnother()
    {
        var grain = fixture.Grains.GetGrain<ILifeGrain>(_key);
        (_, int first) = await grain.Where();
        Assert.Equal(first, (await grain.Where()).Activation);
        await grain.Leave();
        Assert.Equal("ApplicationRequested", await Signals.Wait($"{_key} {first} gone"));
        Assert.NotEqual(first, (await grain.Where()).Activation);
    }

    [Fact]
    public async Task AFailedActivationFailsTheCallAndTheNextOneTriesAnew()
    {
        var grain = fixture.Grains.GetGrain<IStubbornGrain>(_key);
        var error = await Assert.ThrowsAnyAsync<Exception>(() => grain.Ping());
        Assert.Contains("not today", error.ToString());
        Assert.Equal("pong", await grain.Ping());
    }

    [Fact]
    public void AnInterfaceNobodyImplementsIsRefused() =>
        Assert.Throws<ArgumentException>(() => fixture.Grains.GetGrain<INobodysGrain>(_key));

    // The ages are real: the real collector keeps its own clock. Nothing here waits for a time, only for what it brings.
    [Fact]
    public async Task IdleGrainsAreCollectedUnlessTheyAskToStay()
    {
        await using TestCluster cluster = ClusterFixture.Create<ShortLivedSilo>(1);
        await cluster.DeployAsync();
        var idle = cluster.GrainFactory.GetGrain<ILifeGrain>(_key);
        var stays = cluster.GrainFactory.GetGrain<ILifeGrain>($"{_key} stays");
        (_, int other) = await stays.Where();
        await stays.Stay(TimeSpan.FromHours(1));
        (_, int first) = await idle.Where();
        Assert.Equal("ActivationIdle", await Signals.Wait($"{_key} {first} gone"));
        Assert.NotEqual(first, (await idle.Where()).Activation);
        Assert.Equal(other, (await stays.Where()).Activation);
    }

    /// <summary>Grains and enumerators that nobody uses go within seconds.</summary>
    public sealed class ShortLivedSilo : DefaultSilo
    {
        public override void Configure(ISiloBuilder siloBuilder)
        {
            base.Configure(siloBuilder);
            siloBuilder.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(5));
            siloBuilder.Configure<GrainCollectionOptions>(options =>
            {
                options.CollectionAge = TimeSpan.FromSeconds(2);
                options.CollectionQuantum = TimeSpan.FromSeconds(1);
            });
        }
    }

    public interface INobodysGrain : IGrainWithStringKey;
}
