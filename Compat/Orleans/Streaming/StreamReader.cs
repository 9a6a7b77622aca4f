using System.Runtime.ExceptionServices;

namespace Orleans.Runtime;

/// <summary>Pulls an enumeration out of a grain, batch by batch.</summary>
internal sealed class StreamReader<T> : IAsyncEnumerator<T>
{
    private readonly GrainStream<T> _stream;
    private readonly Guid _id = Guid.NewGuid();
    private readonly CancellationTokenSource _cancellation;
    private List<T>? _batch;
    private int _index;
    private bool _started;
    private bool _ended;
    private bool _disposed;

    public StreamReader(GrainStream<T> stream, CancellationToken callToken, CancellationToken enumeratorToken)
    {
        _stream = stream;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(callToken, enumeratorToken);
    }

    public T Current => _batch is { } batch && _index < batch.Count
        ? batch[_index]
        : throw new InvalidOperationException("The enumerator stands at no element.");

    public async ValueTask<bool> MoveNextAsync()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_batch is not null && ++_index < _batch.Count)
        {
            return true;
        }

        _batch = null;
        return !_ended && await FetchAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            await EndAsync();
            _cancellation.Dispose();
        }
    }

    private async Task<bool> FetchAsync()
    {
        StreamStep<T> step;
        try
        {
            do
            {
                _cancellation.Token.ThrowIfCancellationRequested();
                bool first = !_started;
                _started = true;
                step = first
                    ? await _stream.StartAsync(_id, _cancellation.Token)
                    : await _stream.MoveNextAsync(_id, _cancellation.Token);
            }
            while (step.Status == StreamStatus.Heartbeat);
        }
        catch
        {
            // The caller gave up or the grain is gone; either way the grain must not go on producing for nobody.
            await EndAsync();
            throw;
        }

        _ended = step.Status is not StreamStatus.Elements;
        if (step.Status == StreamStatus.Missing)
        {
            throw new EnumerationAbortedException("Enumeration aborted: the grain does not know this enumerator. It was deactivated "
                + "since the enumeration began, or the enumerator was idle for too long.");
        }

        if (step.Error is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        _batch = step.Elements;
        _index = 0;
        return _batch is { Count: > 0 };
    }

    private Task EndAsync()
    {
        if (!_started || _ended)
        {
            return Task.CompletedTask;
        }

        _ended = true;
        return Quietly(_stream.DisposeAsync(_id));

        // Policy: an enumerator that cannot be ended by its caller is ended by the grain itself, when it has idled for long enough.
        static async Task Quietly(Task end) => await end.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
