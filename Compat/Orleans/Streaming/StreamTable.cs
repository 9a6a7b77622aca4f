using Orleans.Serialization;

namespace Orleans.Runtime;

/// <summary>The enumerations under way on one activation. Used in its turns only.</summary>
internal sealed class StreamTable(Activation activation)
{
    private readonly Dictionary<Guid, StreamState> _streams = [];
    private readonly CancellationTokenSource _polls = new();
    private ITimer? _cleanup;

    /// <summary>Begins an enumeration and makes its first step.</summary>
    public async ValueTask<object?> StartAsync<T>(
        Guid id, int batchSize, Copier<T> copier, Func<CancellationToken, IAsyncEnumerable<T>> invoke)
    {
        var cancellation = new CancellationTokenSource();
        var stream = new StreamState<T>(activation, invoke(cancellation.Token), cancellation, batchSize, copier);
        _streams.Add(id, stream);
        TimeSpan limit = activation.Silo.ResponseTimeout;
        _cleanup ??= activation.Silo.Time.CreateTimer(_ => activation.Post(RemoveExpired), null, limit, limit);
        return await StepAsync(id, stream);
    }

    public async ValueTask<object?> MoveNextAsync<T>(Guid id) =>
        _streams.TryGetValue(id, out StreamState? stream) ? await StepAsync(id, stream) : new StreamStep<T>(StreamStatus.Missing);

    public async ValueTask<object?> DisposeAsync(Guid id)
    {
        if (_streams.Remove(id, out StreamState? stream))
        {
            await stream.EndAsync();
        }

        return null;
    }

    public async Task DisposeAllAsync()
    {
        _cleanup?.Dispose();
        StreamState[] all = [.. _streams.Values];
        _streams.Clear();
        foreach (StreamState stream in all)
        {
            await stream.EndAsync();
        }
    }

    /// <summary>Makes pending steps return at once, with nothing: they would keep the activation from ending.</summary>
    public void EndPolls() => _polls.Cancel();

    /// <summary>Cancels every enumeration; for activations that died and will do no more than that.</summary>
    public void CancelAll()
    {
        _cleanup?.Dispose();
        foreach (StreamState stream in _streams.Values)
        {
            stream.Cancel();
        }
    }

    private async Task<object?> StepAsync(Guid id, StreamState stream)
    {
        object step = await stream.StepAsync(_polls.Token);
        if (stream.Ended && _streams.Remove(id))
        {
            await stream.EndAsync();
        }

        return step;
    }

    /// <summary>Ends the enumerations that nobody asked for since the last time.</summary>
    private async void RemoveExpired()
    {
        foreach (Guid id in _streams.Where(entry => entry.Value.IsExpired()).Select(entry => entry.Key).ToArray())
        {
            await DisposeAsync(id);
        }
    }
}
