using System.Runtime.CompilerServices;

namespace QuaRot.Compat.Orleans.Tests;

/// <summary>Streams that wait for the test.</summary>
public interface IStreamGrain : IGrainWithStringKey
{
    /// <summary>0, 1, 2, ...: after <paramref name="pauseAfter"/> elements waits for "{key} go".</summary>
    IAsyncEnumerable<int> Count(int count, int pauseAfter, CancellationToken token = default);

    IAsyncEnumerable<Basket> SameBasket(int count);

    IAsyncEnumerable<int> Break(int after);

    Task Plain();

    Task Leave();
}

/// <inheritdoc/>
public class StreamGrain : Grain, IStreamGrain
{
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Signals.Set($"{this.GetPrimaryKeyString()} gone");
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<int> Count(int count, int pauseAfter, [EnumeratorCancellation] CancellationToken token = default)
    {
        try
        {
            for (int i = 0; i < count; i++)
            {
                if (i == pauseAfter)
                {
                    Signals.Set($"{this.GetPrimaryKeyString()} paused");
                    await Signals.Wait($"{this.GetPrimaryKeyString()} go", token);
                }

                yield return i;
            }
        }
        finally
        {
            Signals.Set($"{this.GetPrimaryKeyString()} ended", token.IsCancellationRequested ? "cancelled" : "");
        }
    }

    public async IAsyncEnumerable<Basket> SameBasket(int count)
    {
        var basket = new Basket();
        for (int i = 0; i < count; i++)
        {
            basket.Items.Add(i);
            yield return basket;
            await Task.Yield();
        }
    }

    public async IAsyncEnumerable<int> Break(int after)
    {
        for (int i = 0; i < after; i++)
        {
            yield return i;
            await Task.Yield();
        }

        throw new PriceException("broken", 3);
    }

    public Task Plain() => Task.CompletedTask;

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}
