using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class StateTests(ClusterFixture fixture)
{
    private readonly ILifeGrain _grain = fixture.Grains.GetGrain<ILifeGrain>(Guid.NewGuid().ToString());

    [Fact]
    public async Task StateOutlivesTheActivation()
    {
        Assert.Equal(-1, await _grain.Total());
        await _grain.Add(3);
        await DeactivateAsync();
        Assert.Equal(3, await _grain.Total());
    }

    [Fact]
    public async Task ClearedStateIsGone()
    {
        await _grain.Add(3);
        await _grain.Clear();
        Assert.Equal(-1, await _grain.Total());
        Assert.Equal(1, await _grain.Add(1));
    }

    [Fact]
    public async Task AConflictFailsTheWriteAndDeactivatesTheGrain()
    {
        await _grain.Add(1);
        await WriteBehindItsBackAsync(50);
        (_, int before) = await _grain.Where();
        var error = await Assert.ThrowsAsync<InconsistentStateException>(() => _grain.Add(1));
        Assert.NotEqual(error.StoredEtag, error.CurrentEtag);
        await Signals.Wait($"{_grain.GetPrimaryKeyString()} {before} gone");
        Assert.Equal(51, await _grain.Add(1));
    }

    [Fact]
    public async Task ReadingAgainTakesUpSomebodyElsesWrite()
    {
        await _grain.Add(1);
        await WriteBehindItsBackAsync(50);
        await _grain.Reread();
        Assert.Equal(51, await _grain.Add(1));
    }

    private async Task DeactivateAsync()
    {
        (_, int number) = await _grain.Where();
        await _grain.Leave();
        await Signals.Wait($"{_grain.GetPrimaryKeyString()} {number} gone");
    }

    private async Task WriteBehindItsBackAsync(int total)
    {
        var storage = fixture.Cluster.GetSiloServiceProvider().GetRequiredKeyedService<IGrainStorage>(DefaultSilo.Store);
        var record = new GrainState<Ledger>();
        await storage.ReadStateAsync("ledger", _grain.GetGrainId(), record);
        record.State!.Total = total;
        await storage.WriteStateAsync("ledger", _grain.GetGrainId(), record);
    }
}
