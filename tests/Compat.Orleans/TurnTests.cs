using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class TurnTests(ClusterFixture fixture)
{
    private readonly string _name = Guid.NewGuid().ToString();

    private ITurnGrain Grain => fixture.Grains.GetGrain<ITurnGrain>(_name, typeof(TurnGrain).FullName);

    [Fact]
    public async Task RequestsRunOneAfterAnother()
    {
        int[] counts = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => Task.Run(() => Grain.CountSlowly()))).Soon();
        Assert.Equal(Enumerable.Range(1, 500), counts.Order());
    }

    [Fact]
    public async Task AwaitsComeBackToTheGrainsScheduler() => Assert.True(await Grain.KeepsItsScheduler());

    [Fact]
    public async Task ASecondRequestWaitsForTheFirst()
    {
        Task held = Grain.Hold(_name);
        await Signals.Wait($"{_name} began");
        Task second = Grain.Plain();
        await Grain.Interleave().Soon();
        Assert.False(second.IsCompleted);
        Signals.Set($"{_name} go");
        await Task.WhenAll(held, second).Soon();
    }

    [Fact]
    public async Task AReentrantGrainTakesRequestsInBetween()
    {
        ITurnGrain grain = fixture.Grains.GetGrain<IReentrantTurnGrain>(_name);
        Task held = grain.Hold(_name);
        await Signals.Wait($"{_name} began");
        await grain.Plain().Soon();
        Assert.False(held.IsCompleted);
        Signals.Set($"{_name} go");
        await held.Soon();
    }

    [Fact]
    public async Task ReadOnlyRequestsInterleaveWithOneAnotherOnly()
    {
        Task held = Grain.HoldReading(_name);
        await Signals.Wait($"{_name} began");
        Task write = Grain.Plain();
        await Grain.Read().Soon();
        Assert.False(write.IsCompleted);
        Signals.Set($"{_name} go");
        await Task.WhenAll(held, write).Soon();
    }

    [Fact]
    public async Task AGrainThatAwaitsItselfTimesOut()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => Grain.CallMyselfBriefly(_name).Soon());
        Assert.Contains(nameof(ITurnGrain.HoldBriefly), error.Message);
        Assert.Contains(_name, error.Message);
        Assert.False(Signals.IsSet($"{_name} began"));
    }

    [Fact]
    public async Task AMethodsResponseTimeoutEndsTheWaitButNotTheCall()
    {
        Task held = Grain.HoldBriefly(_name);
        await Assert.ThrowsAsync<TimeoutException>(() => held.Soon());
        Task next = Grain.Plain();
        Assert.False(next.IsCompleted);
        Signals.Set($"{_name} go");
        await next.Soon();
    }

    [Fact]
    public async Task ACancelledTokenReachesTheGrain()
    {
        using var source = new CancellationTokenSource();
        Task held = Grain.Cancellable(_name, source.Token);
        await Signals.Wait($"{_name} began");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held.Soon());
        await Signals.Wait($"{_name} cancelled");
        await Grain.Plain().Soon();
    }

    [Fact]
    public async Task AValueTaskCarriesItsResult() => Assert.Equal(_name, await Grain.Echo(_name));
}
