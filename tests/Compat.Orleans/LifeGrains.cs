namespace QuaRot.Compat.Orleans.Tests;

[GenerateSerializer]
public sealed class Ledger
{
    [Id(0)]
    public int Total { get; set; }
}

/// <summary>A grain with state that reports its life by signals.</summary>
public interface ILifeGrain : IGrainWithStringKey
{
    /// <summary>The silo, and a number that no other activation has.</summary>
    Task<(string Silo, int Activation)> Where();

    Task<int> Add(int amount);

    Task<int> Total();

    Task Clear();

    Task Reread();

    Task Hold();

    Task Leave();

    Task Stay(TimeSpan time);
}

/// <inheritdoc/>
[KeyedPlacement]
public class LifeGrain(
    [PersistentState("ledger", DefaultSilo.Store)] IPersistentState<Ledger> ledger, ILocalSiloDetails silo) : Grain, ILifeGrain
{
    private static int s_activations;
    private readonly int _number = Interlocked.Increment(ref s_activations);

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Signals.Set($"{this.GetPrimaryKeyString()} {_number} gone", reason.ReasonCode.ToString());
        return Task.CompletedTask;
    }

    public Task<(string Silo, int Activation)> Where() => Task.FromResult((silo.SiloAddress.ToParsableString(), _number));

    public async Task<int> Add(int amount)
    {
        ledger.State.Total += amount;
        await ledger.WriteStateAsync();
        return ledger.State.Total;
    }

    public Task<int> Total() => Task.FromResult(ledger.RecordExists ? ledger.State.Total : -1);

    public Task Clear() => ledger.ClearStateAsync();

    public Task Reread() => ledger.ReadStateAsync();

    public Task Hold()
    {
        Signals.Set($"{this.GetPrimaryKeyString()} held");
        return Signals.Wait($"{this.GetPrimaryKeyString()} go");
    }

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public Task Stay(TimeSpan time)
    {
        DelayDeactivation(time);
        return Task.CompletedTask;
    }
}

/// <summary>Fails to activate the first time.</summary>
public interface IStubbornGrain : IGrainWithStringKey
{
    Task<string> Ping();
}

/// <inheritdoc/>
public class StubbornGrain : Grain, IStubbornGrain
{
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        string tried = $"{this.GetPrimaryKeyString()} tried";
        if (Signals.IsSet(tried))
        {
            return Task.CompletedTask;
        }

        Signals.Set(tried);
        throw new InvalidOperationException("not today");
    }

    public Task<string> Ping() => Task.FromResult("pong");
}
