using System.Runtime.CompilerServices;
using System.Threading.Channels;
using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Scheduling;

/// <summary>Continuous batching on stage 0 of a replica: many bursts share micro-batches, and each gets the tokens it would get alone.</summary>
/// <remarks>Thread-safe. Does not own the pipeline.</remarks>
public sealed class BatchScheduler : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly IStagePipeline _pipeline;
    private readonly SchedulerOptions _options;
    private readonly KvTable _kv;
    private readonly BatchPlanner _planner;
    private readonly RetryHint _retryHint;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;
    private long _tickets;
    private int _inFlight;
    private bool _disposed;
    private long _prefilled;
    private long _decoded;
    private long _batches;

    /// <summary>Starts the scheduler.</summary>
    /// <param name="pipeline">The stages of the replica.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="time">Clock of the retry hint; null for the system's.</param>
    public BatchScheduler(IStagePipeline pipeline, SchedulerOptions? options = null, TimeProvider? time = null)
    {
        _pipeline = pipeline;
        _options = options ?? new SchedulerOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxBatchTokens, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxRunning, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxQueue, 1, nameof(options));
        _kv = new KvTable(pipeline.PageSize, pipeline.PageCount);
        _planner = new BatchPlanner(_kv, _options, pipeline.Stages);
        _retryHint = new RetryHint(time ?? TimeProvider.System);
        ContextLimit = (int)Math.Min(_options.MaxContext, (long)pipeline.PageCount * pipeline.PageSize);
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
                return new SchedulerStats
                {
                    Running = _planner.Running.Count,
                    Waiting = _planner.Waiting.Count,
                    Resident = _kv.Resident,
                    PagesUsed = _kv.Used,
                    PagesTotal = _kv.Total,
                    TokensPrefilled = _prefilled,
                    TokensDecoded = _decoded,
                    Batches = _batches,
                    MeanBatchRows = _batches == 0 ? 0 : (double)(_prefilled + _decoded) / _batches,
                    Preemptions = _planner.Preemptions,
                    Evictions = _kv.Evictions,
                };
            }
        }
    }

    /// <summary>Generates the next tokens of a sequence; its KV stays resident afterwards.</summary>
    /// <remarks>
    /// Ends after a stop token, after MaxTokens, or, with fewer tokens and no stop token, where the context is full. On cancellation, and when the
    /// enumerator is disposed early, the burst ends at the next step; once the enumerator is disposed the sequence may be asked for again.
    /// </remarks>
    /// <exception cref="ArgumentException">The request is malformed.</exception>
    /// <exception cref="ContextOverflowException">The history can never fit.</exception>
    /// <exception cref="AdmissionException">Too many bursts wait.</exception>
    /// <exception cref="SequenceBusyException">The sequence has a burst under way.</exception>
    /// <exception cref="PipelineFailureException">The pipeline failed; asking again is safe.</exception>
    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(BurstRequest request, [EnumeratorCancellation] CancellationToken ct = default)
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

    /// <summary>Gives up the KV of a sequence; one whose burst is under way loses it at the end of that burst. Unknown ids are ignored.</summary>
    public void Release(string sequenceId)
    {
        lock (_gate)
        {
            ResidentSequence? sequence = _kv.Find(sequenceId);
            if (sequence is { Burst: null })
            {
                _kv.Drop(sequence);
            }
            else if (sequence is not null)
            {
                sequence.DropAtEnd = true;
            }
        }

        Wake();
    }

    /// <summary>Ends all bursts with <see cref="ObjectDisposedException"/> and waits for the batches under way.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _disposed = true;
                StopAll(new ObjectDisposedException(nameof(BatchScheduler)));
            }

            if (_inFlight == 0)
            {
                _drained.TrySetResult();
            }
        }

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
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_kv.Find(request.SequenceId) is { Burst: not null })
            {
                throw new SequenceBusyException(request.SequenceId);
            }

            if (_planner.Waiting.Count >= _options.MaxQueue)
            {
                throw new AdmissionException(_options.MaxQueue, _retryHint.Value);
            }

            ResidentSequence sequence = _kv.GetOrAdd(request.SequenceId);
            burst = new Burst(request, sequence, ++_tickets, ContextLimit);
            sequence.Burst = burst;
            _planner.Enqueue(burst);
        }

        Wake();
        return burst;
    }

    private void Stop(Burst burst)
    {
        lock (_gate)
        {
            StopLocked(burst, null);
        }

        Wake();
    }

    private void StopAll(Exception cause)
    {
        foreach (Burst burst in _planner.Waiting.Concat(_planner.Running).ToArray())
        {
            StopLocked(burst, cause);
        }
    }

    private void StopLocked(Burst burst, Exception? cause)
    {
        if (burst.Sequence.Burst != burst)
        {
            return;
        }

        burst.IsStopped = true;
        burst.StopCause ??= cause;
        if (!burst.InFlight)
        {
            Retire(burst, burst.StopCause);
        }
    }

    private void Retire(Burst burst, Exception? error)
    {
        _planner.Remove(burst);
        _kv.MakeIdle(burst.Sequence);
        _retryHint.BurstEnded();
        burst.Close(error);
    }

    private void Wake() => _wake.Writer.TryWrite(true);

    private async Task RunLoopAsync()
    {
        await foreach (bool wake in _wake.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            while (NextBatch() is { } batch)
            {
                // Not awaited: several batches are in flight, and RunAsync lets no exception out.
                Task running = RunAsync(batch.Micro, batch.Stage);
            }
        }
    }

    private (MicroBatch Micro, StageBatch Stage)? NextBatch()
    {
        lock (_gate)
        {
            if (_disposed || _inFlight >= _pipeline.Stages || _planner.Next() is not { } batch)
            {
                return null;
            }

            _inFlight++;
            return (batch, batch.Build());
        }
    }

    private async Task RunAsync(MicroBatch batch, StageBatch stageBatch)
    {
        SampledToken[] tokens = [];
        Exception? failure = null;
        try
        {
            tokens = await _pipeline.ExecuteAsync(stageBatch, CancellationToken.None).ConfigureAwait(false);
            if (tokens.Length != stageBatch.Sampling.Length)
            {
                throw new InvalidOperationException($"The pipeline returned {tokens.Length} tokens for {stageBatch.Sampling.Length} output rows.");
            }
        }
        catch (Exception e)
        {
            // Whatever went wrong concerns the sequences of this batch alone; they hear of it below, the others go on.
            failure = e;
        }

        lock (_gate)
        {
            EndBatch(batch, tokens, failure);
        }

        Wake();
    }

    private void EndBatch(MicroBatch batch, SampledToken[] tokens, Exception? failure)
    {
        _inFlight--;
        _batches++;
        _decoded += batch.Decodes;
        _prefilled += batch.Rows - batch.Decodes;
        int output = 0;
        foreach (MicroBatch.Entry entry in batch.Entries)
        {
            SampledToken? token = failure is null && entry.HasOutput ? tokens[output++] : null;
            EndEntry(entry, token, failure);
        }

        if (_disposed && _inFlight == 0)
        {
            _drained.TrySetResult();
        }
    }

    private void EndEntry(MicroBatch.Entry entry, SampledToken? token, Exception? failure)
    {
        Burst burst = entry.Burst;
        burst.InFlight = false;
        if (failure is not null)
        {
            burst.Sequence.DropAtEnd = true;
            Retire(burst, new PipelineFailureException(burst.Sequence.Id, failure));
            return;
        }

        burst.Sequence.Cached.AddRange(burst.Tokens.GetRange(entry.Start, entry.Count));
        if (burst.IsStopped)
        {
            Retire(burst, burst.StopCause);
        }
        else if (token is { } sampled && burst.Accept(sampled))
        {
            Retire(burst, null);
        }
    }
}
