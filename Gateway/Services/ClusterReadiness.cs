using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using QuaRot.Contracts.Shards;

namespace QuaRot.Gateway.Services;

/// <summary>Asks every shard at an interval whether it is loaded; the health service answers from the last result.</summary>
public sealed class ClusterReadiness(
    IGrainFactory grains, ServedModelInfo model, IOptions<GatewayOptions> options, TimeProvider time, ILogger<ClusterReadiness> log)
    : BackgroundService
{
    private volatile TaskCompletionSource _changed = NewSignal();
    private volatile bool _ready;
    private string? _problem;

    /// <summary>True when all shards answered the last time they were asked.</summary>
    public bool IsReady => _ready;

    /// <summary>Completes at the next change of <see cref="IsReady"/>; take it before reading the value.</summary>
    public Task Changed => _changed.Task;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.HealthInterval, time);
        try
        {
            do
            {
                Set(await AskAll());
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Shutdown: watchers are told by the end of their streams.
            Set(false);
        }
    }

    // A shard that does not answer is a state to report, not an error of this service.
    private async Task<bool> AskAll()
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, model.Shards).Select(s => grains.GetGrain<IShardGrain>(model.ShardKey(s)).Status()))
                .WaitAsync(options.Value.HealthInterval, time);
            _problem = null;
            return true;
        }
        catch (Exception e)
        {
            // Said once: loading a large model fails this question for minutes.
            if (_problem != e.Message)
                log.ShardsNotReady(_problem = e.Message);
            return false;
        }
    }

    private void Set(bool ready)
    {
        if (_ready == ready)
            return;
        _ready = ready;
        Interlocked.Exchange(ref _changed, NewSignal()).SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
