using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>Runs the observers of a silo stage by stage; those of one stage run together.</summary>
internal sealed class SiloLifecycle(ILogger logger) : ISiloLifecycle
{
    private readonly List<Subscription> _subscriptions = [];

    public int HighestCompletedStage { get; private set; } = int.MinValue;

    public int LowestStoppedStage { get; private set; } = int.MaxValue;

    public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
    {
        var subscription = new Subscription(this, observerName, stage, observer);
        lock (_subscriptions)
        {
            _subscriptions.Add(subscription);
        }

        return subscription;
    }

    /// <summary>A failing observer ends the start: the exception passes to the host.</summary>
    public async Task StartAsync(int first, int last, CancellationToken token)
    {
        foreach (var stage in Stages(first, last).OrderBy(group => group.Key))
        {
            await Task.WhenAll(stage.Select(subscription => subscription.Observer.OnStart(token)));
            HighestCompletedStage = stage.Key;
        }
    }

    /// <summary>A failing observer is logged: the other stages still have to stop.</summary>
    public async Task StopAsync(int first, int last, CancellationToken token)
    {
        foreach (var stage in Stages(first, last).OrderByDescending(group => group.Key))
        {
            foreach (Subscription subscription in stage)
            {
                try
                {
                    await subscription.Observer.OnStop(token);
                }
                catch (Exception error)
                {
                    Log.ObserverFailedToStop(logger, error, subscription.Name, stage.Key);
                }
            }

            LowestStoppedStage = stage.Key;
        }
    }

    private List<IGrouping<int, Subscription>> Stages(int first, int last)
    {
        lock (_subscriptions)
        {
            return [.. _subscriptions.Where(s => s.Stage >= first && s.Stage <= last).GroupBy(s => s.Stage)];
        }
    }

    private sealed record Subscription(SiloLifecycle Owner, string Name, int Stage, ILifecycleObserver Observer) : IDisposable
    {
        public void Dispose()
        {
            lock (Owner._subscriptions)
            {
                Owner._subscriptions.Remove(this);
            }
        }
    }
}
