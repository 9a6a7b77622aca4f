using System.Runtime.CompilerServices;
using System.Threading.Channels;
using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Scheduling;

/// <summary>
/// Continuous batching on stage 0 of a replica: many bursts share micro-batches, and each gets the tokens it would get alone.
/// </summary>
/// <remarks>Thread-safe. Does not own the pipeline.</remarks>
public sealed class BatchScheduler : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly IStagePipeline _pipeline;
    private readonly SchedulerCore _core;
    private readonly Action<Exception>? _onBatchFailed;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;
    private Exception? _closed;
    private volatile Exception? _fault;

    /// <summary>Starts the scheduler.</summary>
    /// <param name="pipeline">The stages of the replica.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="time">Clock of the retry hint; null for the system's.</param>
    /// <param name="onBatchFailed">
    /// Hears once for each batch of which something failed: what the pipeline threw, else the <see cref="PipelineFailureException"/> of the
    /// first row that could not be sampled. Called on any thread, outside all locks; several calls may overlap.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is below 1.</exception>
    public BatchScheduler(
        IStagePipeline pipeline,
        SchedulerOptions? options = null,
        TimeProvider? time = null,
        Action<Exception>? onBatchFailed = null)
    {
        options ??= new SchedulerOptions();
        options.Validate();
        _pipeline = pipeline;
        _onBatchFailed = onBatchFailed;
        ContextLimit = (int)Math.Min(options.MaxContext, (long)pipeline.PageCount * pipeline.PageSize);
        _core = new SchedulerCore(
            options, pipeline.StepsAtOnce, pipeline.PageSize, pipeline.PageCount, ContextLimit, time ?? TimeProvider.System);
        _loop = Task.Run(RunLoopAsync);
    }

    /// <summary>Most tokens of a sequence, prompt and answer together.</summary>
    public int ContextLimit { get; }

    /// <summary>
    /// Why the scheduler closed by itself: a fault of its own, after which it refuses all work. Null while healthy, also once disposed.
    /// </summary>
    public Exception? Fault => _fault;

    /// <summary>What the scheduler does right now.</summary>
    public SchedulerStats Stats
    {
        get
        {
            lock (_gate)
            {
                return _core.Stats;
            }
        }
    }

    /// <summary>Generates the next tokens of a sequence; its KV stays resident afterwards.</summary>
    /// <remarks>
    /// Ends after a stop token, after MaxTokens, or, with fewer tokens and no stop token, where the context is full. On cancellation, and
    /// when the enumerator is disposed early, the burst ends at the next step; once the enumerator is disposed the sequence may be asked
    /// for again.
    /// </remarks>
    /// <exception cref="ArgumentException">The request is malformed.</exception>
    /// <exception cref="ContextOverflowException">The history can never fit.</exception>
    /// <exception cref="AdmissionException">Too many bursts wait, and this one continues no answer.</exception>
    /// <exception cref="SequenceBusyException">The sequence has a burst under way.</exception>
    /// <exception cref="PipelineFailureException">The pipeline failed, or the row could not be sampled; asking again is safe.</exception>
    /// <exception cref="ObjectDisposedException">The scheduler is disposed, perhaps during the burst.</exception>
    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        BurstRequest request, [EnumeratorCancellation] CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        Burst burst = Enqueue(request);
        try
        {
            await foreach (GeneratedToken token in burst.Output.ReadAllAsync(ct).ConfigureAwait(false))
            {
                yield return token;
            }
        }
        finally
        {
            Stop(burst);
            await burst.Retired.Task.ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Gives up the KV of a sequence; one whose burst is under way loses it at the end of that burst. Unknown ids are ignored.
    /// </summary>
    public void Release(string sequenceId)
    {
        lock (_gate)
        {
            _core.Release(sequenceId);
        }

        Wake();
    }

    /// <summary>Ends all bursts with <see cref="ObjectDisposedException"/> and waits for the batches under way.</summary>
    public async ValueTask DisposeAsync()
    {
        Close(new ObjectDisposedException(nameof(BatchScheduler)));
        await _drained.Task.ConfigureAwait(false);
        _wake.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private Burst Enqueue(BurstRequest request)
    {
        request.Validate();
        if (request.Tokens.Length + 1L > ContextLimit)
        {
            throw new ContextOverflowException(request.Tokens.Length, ContextLimit);
        }

        Burst burst;
        lock (_gate)
        {
            if (_closed is not null)
            {
                throw new ObjectDisposedException("The scheduler has ended.", _closed);
            }

            burst = _core.Enqueue(request);
        }

        Wake();
        return burst;
    }

    private void Stop(Burst burst)
    {
        lock (_gate)
        {
            _core.Stop(burst, null);
        }

        Wake();
    }

    private void Close(Exception cause)
    {
        lock (_gate)
        {
            if (_closed is null)
            {
                _closed = cause;
                _core.StopAll(cause);
            }

            NoteDrained();
        }
    }

    /// <summary>Ends everything for a fault of the scheduler itself: nobody may wait for it for ever, so every burst hears of it.</summary>
    private void Break(Exception cause, MicroBatch? batch)
    {
        lock (_gate)
        {
            _fault ??= cause;
            _closed ??= cause;
            _core.Abandon(cause, batch);
            NoteDrained();
        }
    }

    private void NoteDrained()
    {
        if (_closed is not null && _core.InFlight == 0)
        {
            _drained.TrySetResult();
        }
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private async Task RunLoopAsync()
    {
        try
        {
            await foreach (bool wake in _wake.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                while (NextBatch() is { } batch)
                {
                    // Not awaited: several batches are in flight, and RunAsync lets no exception out but one of the listener, which is
                    // the listener's own affair and must not harm the chats.
                    Task running = RunAsync(batch);
                }
            }
        }
        catch (Exception e)
        {
            // A fault of the scheduler itself, not of the pipeline.
            Break(e, null);
        }
    }

    private MicroBatch? NextBatch()
    {
        lock (_gate)
        {
            int atOnce = _pipeline.BatchesAtOnce;
            return _closed is null && _core.InFlight < atOnce ? _core.Next(atOnce) : null;
        }
    }

    private async Task RunAsync(MicroBatch batch)
    {
        // Without the lock: nothing touches the tokens and pages of a burst while it is in flight.
        (SampledToken[] tokens, Exception? failure) = await batch.ExecuteAsync(_pipeline).ConfigureAwait(false);
        failure = End(batch, tokens, failure);
        Wake();
        if (failure is not null)
        {
            _onBatchFailed?.Invoke(failure);
        }
    }

    private Exception? End(MicroBatch batch, SampledToken[] tokens, Exception? failure)
    {
        try
        {
            lock (_gate)
            {
                Exception? wrong = _core.End(batch, tokens, failure);
                NoteDrained();
                return wrong;
            }
        }
        catch (Exception e)
        {
            // As in the loop: half of the batch is accounted for, so nothing can go on, but all must hear why.
            Break(e, batch);
            return failure ?? e;
        }
    }
}
