using Orleans.Serialization;

namespace Orleans.Runtime;

/// <summary>One enumeration on the grain's side.</summary>
internal abstract class StreamState
{
    private bool _seen = true;
    private bool _busy;

    /// <summary>The last element, or the error, was returned.</summary>
    public bool Ended { get; protected set; }

    public async Task<object> StepAsync(CancellationToken endPoll)
    {
        _seen = _busy = true;
        try
        {
            return await NextAsync(endPoll);
        }
        finally
        {
            _busy = false;
        }
    }

    /// <returns>Whether nobody asked since the last call.</returns>
    public bool IsExpired()
    {
        bool expired = !_seen && !_busy;
        _seen = false;
        return expired;
    }

    public abstract void Cancel();

    /// <summary>Cancels the grain's iterator, waits for it and disposes of it.</summary>
    public abstract Task EndAsync();

    protected abstract Task<object> NextAsync(CancellationToken endPoll);
}

/// <inheritdoc/>
internal sealed class StreamState<T> : StreamState
{
    private readonly Activation _activation;
    private readonly IAsyncEnumerator<T> _enumerator;
    private readonly CancellationTokenSource _cancellation;
    private readonly int _batchSize;
    private readonly Copier<T> _copier;

    /// <summary>The step of the grain's iterator that nobody waited out yet.</summary>
    private Task<bool>? _pending;

    public StreamState(
        Activation activation, IAsyncEnumerable<T> source, CancellationTokenSource cancellation, int batchSize, Copier<T> copier)
    {
        _activation = activation;
        _enumerator = source.GetAsyncEnumerator(cancellation.Token);
        _cancellation = cancellation;
        _batchSize = batchSize;
        _copier = copier;
    }

    public override void Cancel() => _cancellation.Cancel();

    public override async Task EndAsync()
    {
        Ended = true;
        try
        {
            _cancellation.Cancel();
            if (_pending is { } pending)
            {
                Task ended = pending.WaitAsync(_activation.Silo.ResponseTimeout, _activation.Silo.Time);
                await ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }

            await _enumerator.DisposeAsync();
        }
        catch (Exception error)
        {
            // Policy: the caller no longer listens, so a failure to end is logged; the iterator is left to the garbage collector.
            Log.EnumerationFailedToEnd(_activation.Silo.Logger, error, _activation.ToString());
        }
    }

    protected override async Task<object> NextAsync(CancellationToken endPoll)
    {
        try
        {
            return TakeReady() ?? await TakePendingAsync(endPoll);
        }
        catch (Exception error)
        {
            // Policy: an exception of the grain's iterator is the enumeration's last element.
            Ended = true;
            return new StreamStep<T>(StreamStatus.Error, Error: Activation.CopyError(error));
        }
    }

    /// <summary>Takes what the iterator gives without waiting.</summary>
    private StreamStep<T>? TakeReady()
    {
        List<T> batch = [];
        while (_pending is null && batch.Count < _batchSize)
        {
            ValueTask<bool> next = _enumerator.MoveNextAsync();
            if (!next.IsCompletedSuccessfully)
            {
                _pending = next.AsTask();
            }
            else if (next.Result)
            {
                batch.Add(_copier.Copy(_enumerator.Current, new CopyContext()));
            }
            else
            {
                Ended = true;
                return new StreamStep<T>(StreamStatus.Completed, batch);
            }
        }

        return batch.Count > 0 ? new StreamStep<T>(StreamStatus.Elements, batch) : null;
    }

    /// <summary>Waits for half the response timeout at most, lest the caller's limit strike.</summary>
    private async Task<StreamStep<T>> TakePendingAsync(CancellationToken endPoll)
    {
        Task<bool> pending = _pending!;
        Task poll = pending.WaitAsync(_activation.Silo.ResponseTimeout / 2, _activation.Silo.Time, endPoll);
        await poll.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (!pending.IsCompleted)
        {
            return new StreamStep<T>(StreamStatus.Heartbeat);
        }

        _pending = null;
        if (await pending)
        {
            return new StreamStep<T>(StreamStatus.Elements, [_copier.Copy(_enumerator.Current, new CopyContext())]);
        }

        Ended = true;
        return new StreamStep<T>(StreamStatus.Completed);
    }
}
