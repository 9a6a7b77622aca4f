using Orleans.Serialization;

namespace Orleans.Runtime;

/// <summary>An IAsyncEnumerable result on the caller's side. Nothing is sent until it is enumerated.</summary>
internal sealed class GrainStream<T>(
    GrainReference grain, GrainMethod method, object?[] arguments, Copier<T> copier, CancellationToken token)
    : IAsyncEnumerable<T>
{
    public int MaxBatchSize { get; set; } = 100;

    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new StreamReader<T>(this, token, cancellationToken);

    public async Task<StreamStep<T>> StartAsync(Guid id, CancellationToken cancellation) =>
        (StreamStep<T>)(await SendAsync($"{method.Name} (start)", activation => activation.Streams.StartAsync(id, MaxBatchSize, copier,
            ended => (IAsyncEnumerable<T>)method.Invoke(activation.GrainInstance!, arguments, ended)!), cancellation))!;

    public async Task<StreamStep<T>> MoveNextAsync(Guid id, CancellationToken cancellation) =>
        (StreamStep<T>)(await SendAsync($"{method.Name} (next)", activation => activation.Streams.MoveNextAsync<T>(id), cancellation))!;

    public Task DisposeAsync(Guid id) => SendAsync($"{method.Name} (end)", activation => activation.Streams.DisposeAsync(id), default);

    /// <summary>Each step is a call of its own that interleaves: a grain that streams stays open to other calls.</summary>
    private Task<object?> SendAsync(string name, Func<Activation, ValueTask<object?>> body, CancellationToken cancellation) =>
        grain.Caller.Send(
            new GrainRequest(grain.GrainId, name, RequestFlags.AlwaysInterleave, (activation, _) => body(activation))
            {
                ResponseTimeout = method.ResponseTimeout,
            },
            cancellation);
}

/// <summary>How a step of an enumeration ended.</summary>
internal enum StreamStatus
{
    /// <summary>Nothing yet: ask again.</summary>
    Heartbeat,
    Elements,
    Completed,
    Missing,
    Error,
}

/// <summary>The response to one step: copies of the elements that were ready, perhaps the last ones.</summary>
internal sealed record StreamStep<T>(StreamStatus Status, List<T>? Elements = null, Exception? Error = null);

/// <summary>Tuning of streamed results.</summary>
public static class AsyncEnumerableExtensions
{
    /// <summary>At most so many elements in one response; only what is ready is ever waited for. The default is 100.</summary>
    public static IAsyncEnumerable<T> WithBatchSize<T>(this IAsyncEnumerable<T> self, int maxBatchSize)
    {
        if (self is GrainStream<T> stream)
        {
            stream.MaxBatchSize = maxBatchSize;
        }

        return self;
    }
}
