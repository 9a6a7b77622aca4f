using System.Collections.Concurrent;
using Orleans.Concurrency;

namespace QuaRot.Compat.Orleans.Tests;

/// <summary>Counts its calls and its simultaneous activations.</summary>
public interface IStressGrain : IGrainWithStringKey
{
    Task Call(bool leave);
}

/// <inheritdoc/>
[Reentrant]
public class StressGrain : Grain, IStressGrain
{
    public static readonly ConcurrentDictionary<string, int> Alive = new();
    public static readonly ConcurrentQueue<string> Faults = new();
    public static int Calls;
    private int _inside;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (Alive.AddOrUpdate(this.GetPrimaryKeyString(), 1, (_, n) => n + 1) != 1)
        {
            Faults.Enqueue($"grain {this.GetPrimaryKeyString()} is active twice");
        }

        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await Task.Yield();
        Alive.AddOrUpdate(this.GetPrimaryKeyString(), 0, (_, n) => n - 1);
    }

    public async Task Call(bool leave)
    {
        Turn();
        await Task.Yield();
        Turn();
        Interlocked.Increment(ref Calls);
        if (leave)
        {
            DeactivateOnIdle();
        }
    }

    private void Turn()
    {
        if (Interlocked.Increment(ref _inside) != 1)
        {
            Faults.Enqueue("two turns of one grain at once");
        }

        Thread.SpinWait(20);
        Interlocked.Decrement(ref _inside);
    }
}
