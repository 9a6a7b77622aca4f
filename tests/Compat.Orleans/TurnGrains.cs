using Orleans.Concurrency;

namespace QuaRot.Compat.Orleans.Tests;

/// <summary>Calls that hold a grain until the test lets go, and others that may or may not get between.</summary>
public interface ITurnGrain : IGrainWithStringKey
{
    /// <summary>Sets "{name} began", then waits for "{name} go".</summary>
    Task Hold(string name);

    [ReadOnly]
    Task HoldReading(string name);

    [ReadOnly]
    Task Read();

    [AlwaysInterleave]
    Task Interleave();

    Task Plain();

    Task<int> CountSlowly();

    Task<bool> KeepsItsScheduler();

    [ResponseTimeout("00:00:00.500")]
    Task HoldBriefly(string name);

    Task CallMyselfBriefly(string name);

    Task Cancellable(string name, CancellationToken token);

    ValueTask<string> Echo(string text);
}

/// <inheritdoc cref="ITurnGrain"/>
public class TurnGrain : Grain, ITurnGrain
{
    private int _count;

    public async Task Hold(string name)
    {
        Signals.Set($"{name} began");
        await Signals.Wait($"{name} go");
    }

    public Task HoldReading(string name) => Hold(name);

    public Task Read() => Task.CompletedTask;

    public Task Interleave() => Task.CompletedTask;

    public Task Plain() => Task.CompletedTask;

    public async Task<int> CountSlowly()
    {
        int before = _count;
        await Task.Yield();
        return _count = before + 1;
    }

    public async Task<bool> KeepsItsScheduler()
    {
        TaskScheduler own = TaskScheduler.Current;
        await Task.Yield();
        bool kept = TaskScheduler.Current == own;
        await Task.Run(() => { }).ConfigureAwait(true);
        return kept && TaskScheduler.Current == own && own != TaskScheduler.Default;
    }

    public Task HoldBriefly(string name) => Hold(name);

    public Task CallMyselfBriefly(string name) => this.AsReference<ITurnGrain>().HoldBriefly(name);

    public async Task Cancellable(string name, CancellationToken token)
    {
        Signals.Set($"{name} began");
        try
        {
            await Signals.Wait($"{name} go", token);
        }
        catch (OperationCanceledException)
        {
            Signals.Set($"{name} cancelled");
            throw;
        }
    }

    public ValueTask<string> Echo(string text) => ValueTask.FromResult(text);
}

/// <summary>The same, open to every call.</summary>
public interface IReentrantTurnGrain : ITurnGrain;

/// <inheritdoc/>
[Reentrant]
public class ReentrantTurnGrain : TurnGrain, IReentrantTurnGrain;
