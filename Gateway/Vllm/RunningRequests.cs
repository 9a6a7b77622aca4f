using System.Collections.Concurrent;
using QuaRot.Gateway.Validation;

namespace QuaRot.Gateway.Vllm;

/// <summary>The requests of the vLLM protocol under way on this gateway, by owner and request id, so that they can be aborted.</summary>
public sealed class RunningRequests(TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Owner, string Id), CancellationTokenSource> _running = [];
    private readonly long _started = time.GetTimestamp();
    private int _count;
    private long _lastReceived;

    /// <summary>How many run.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>When the last one came; null before the first.</summary>
    public DateTimeOffset? LastReceived => Interlocked.Read(ref _lastReceived) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>How long this gateway has been up.</summary>
    public TimeSpan Uptime => time.GetElapsedTime(_started);

    /// <summary>Takes note of a request; one without an id cannot be aborted.</summary>
    /// <param name="owner">Whose request it is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="abort">Cancelled by <see cref="Abort"/>.</param>
    /// <returns>To be disposed when the request has ended.</returns>
    public IDisposable Begin(string owner, string id, CancellationTokenSource abort)
    {
        if (id.Length > 0 && !_running.TryAdd((owner, id), abort))
            throw Field.Invalid("request_id", $"'{id}' is running already");
        Interlocked.Increment(ref _count);
        Interlocked.Exchange(ref _lastReceived, time.GetUtcNow().UtcTicks);
        return new Entry(this, (owner, id));
    }

    /// <summary>Ends a request of the owner's; nothing happens if there is none.</summary>
    public void Abort(string owner, string id)
    {
        if (!_running.TryGetValue((owner, id), out var abort))
            return;
        try
        {
            abort.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself at this moment.
        }
    }

    private sealed class Entry(RunningRequests requests, (string, string Id) key) : IDisposable
    {
        public void Dispose()
        {
            if (key.Id.Length > 0)
                requests._running.TryRemove(key, out _);
            Interlocked.Decrement(ref requests._count);
        }
    }
}
