namespace Orleans.Runtime;

/// <summary>A timer whose ticks are requests that the activation sends itself. The period counts from the end of a tick.</summary>
internal sealed class GrainTimer : IGrainTimer
{
    private readonly Activation _activation;
    private readonly Func<CancellationToken, Task> _callback;
    private readonly RequestFlags _flags;
    private readonly CancellationTokenSource _ended = new();
    private readonly ITimer _timer;
    private TimeSpan _period;

    public GrainTimer(Activation activation, Func<CancellationToken, Task> callback, GrainTimerCreationOptions options)
    {
        _activation = activation;
        _callback = callback;
        _period = options.Period;
        _flags = RequestFlags.Local | RequestFlags.OneWay
            | (options.Interleave ? RequestFlags.AlwaysInterleave : RequestFlags.None)
            | (options.KeepAlive ? RequestFlags.None : RequestFlags.Unused);
        activation.Add(this);
        _timer = activation.Silo.Time.CreateTimer(_ => Tick(), null, options.DueTime, Timeout.InfiniteTimeSpan);
    }

    public void Change(TimeSpan dueTime, TimeSpan period)
    {
        _period = period;
        _timer.Change(dueTime, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _timer.Dispose();
        _ended.Cancel();
        _activation.Remove(this);
    }

    private void Tick() => _activation.TryEnqueue(new GrainRequest(_activation.GrainId, "timer tick", _flags, RunAsync));

    private async ValueTask<object?> RunAsync(Activation activation, GrainRequest request)
    {
        try
        {
            if (!_ended.IsCancellationRequested)
            {
                await _callback(_ended.Token);
            }
        }
        finally
        {
            if (!_ended.IsCancellationRequested && _period > TimeSpan.Zero)
            {
                _timer.Change(_period, Timeout.InfiniteTimeSpan);
            }
        }

        return null;
    }
}
