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
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;
    private Exception? _closed;

    /// <summary>Starts the scheduler.</summary>
    /// <param name="pipeline">The stages of the replica.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="time">Clock of the retry hint; null for the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is below 1.</exception>
    public BatchScheduler(IStagePipeline pipeline, SchedulerOptions? options = null, TimeProvider? time = null)
    {
        options ??= new SchedulerOptions();
        options.Validate();
        _pipeline = pipeline;
        ContextLimit = (int)Math.Min(options.MaxContext, (long)pipeline.PageCount * pipeline.PageSize);
        _core = new SchedulerCore(
            options, pipeline.Stages, pipeline.PageSize, pipeline.PageCount, ContextLimit, time ?? TimeProvider.System);
        _loop = Task.Run(RunLoopAsync);
    }

    /// <summary>Most tokens of a sequence, prompt and answer together.</summary>
    public int ContextLimit { get; }

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
    /// <exception cref="AdmissionException">Too many bursts wait.</exception>
    /// <exception cref="SequenceBusyException">The sequence has a burst under way.</exception>
    /// <exception cref="PipelineFailureException">The pipeline failed; asking again is safe.</exception>
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
                    // Not awaited: several batches are in flight, and RunAsync lets no exception out.
                    Task running = RunAsync(batch);
                }
            }
        }
        catch (Exception e)
        {
            // A fault of the scheduler itself, not of the pipeline: nobody may wait for it for ever, so every burst hears of it.
            Close(e);
        }
    }

    private MicroBatch? NextBatch()
    {
        lock (_gate)
        {
            return _closed is null && _core.InFlight < _pipeline.Stages ? _core.Next() : null;
        }
    }

    private async Task RunAsync(MicroBatch batch)
    {
        SampledToken[] tokens = [];
        Exception? failure = null;
        try
        {
            // Without the lock: nothing touches the tokens and pages of a burst while it is in flight.
            StageBatch rows = batch.Build();
            tokens = await _pipeline.ExecuteAsync(rows, CancellationToken.None).ConfigureAwait(false);
            if (tokens.Length != rows.Sampling.Length)
            {
                throw new InvalidOperationException(
                    $"The pipeline returned {tokens.Length} tokens for {rows.Sampling.Length} output rows.");
            }
        }
        catch (Exception e)
        {
            // Whatever went wrong concerns the sequences of this batch alone; they hear of it below, the others go on.
            failure = e;
        }

        lock (_gate)
        {
            _core.End(batch, tokens, failure);
            NoteDrained();
        }

        Wake();
    }
}
