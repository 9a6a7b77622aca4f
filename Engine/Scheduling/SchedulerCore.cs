using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Scheduling;

/// <summary>
/// What happens to bursts between arrival and end. No threads and no waiting: <see cref="BatchScheduler"/> calls it under its lock.
/// </summary>
internal sealed class SchedulerCore
{
    private readonly SchedulerOptions _options;
    private readonly int _contextLimit;
    private readonly KvTable _kv;
    private readonly BatchPlanner _planner;
    private readonly RetryHint _retryHint;
    private long _tickets;
    private long _prefilled;
    private long _decoded;
    private long _batches;
    private bool _isBroken;

    public SchedulerCore(SchedulerOptions options, int stepsAtOnce, int pageSize, int pageCount, int contextLimit, TimeProvider time)
    {
        _options = options;
        _contextLimit = contextLimit;
        _kv = new KvTable(pageSize, pageCount);
        _planner = new BatchPlanner(_kv, options, stepsAtOnce);
        _retryHint = new RetryHint(time);
    }

    /// <summary>Micro-batches that were planned and have not ended.</summary>
    public int InFlight { get; private set; }

    public SchedulerStats Stats => new()
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

    /// <summary>Puts a burst into the queue.</summary>
    public Burst Enqueue(BurstRequest request)
    {
        if (_kv.Find(request.SequenceId) is { Burst: not null })
        {
            throw new SequenceBusyException(request.SequenceId);
        }

        // An answer that has begun goes on: it held a place a moment ago, and refusing it would throw away what was computed.
        if (!request.IsContinuation && _planner.Waiting.Count >= _options.MaxQueue)
        {
            throw new AdmissionException(_options.MaxQueue, _retryHint.Value);
        }

        ResidentSequence sequence = _kv.GetOrAdd(request.SequenceId);
        var burst = new Burst(request, sequence, ++_tickets, _contextLimit);
        sequence.Burst = burst;
        _planner.Enqueue(burst);
        return burst;
    }

    /// <summary>Ends a burst now, or at the end of the micro-batch that it is in; one that has ended already is left alone.</summary>
    public void Stop(Burst burst, Exception? cause)
    {
        if (_isBroken || burst.Sequence.Burst != burst)
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

    /// <summary>Stops every burst.</summary>
    public void StopAll(Exception cause)
    {
        foreach (Burst burst in _planner.Waiting.Concat(_planner.Running).ToArray())
        {
            Stop(burst, cause);
        }
    }

    /// <summary>Drops the KV of a sequence, at the end of its burst if it has one.</summary>
    public void Release(string sequenceId)
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

    /// <summary>The next micro-batch, in flight from here on; null when there is nothing to do.</summary>
    /// <param name="atOnce">Batches to spread the work over.</param>
    public MicroBatch? Next(int atOnce)
    {
        MicroBatch? batch = _planner.Next(atOnce);
        InFlight += batch is null ? 0 : 1;
        return batch;
    }

    /// <summary>Takes the result of a micro-batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="tokens">One for each entry with an output, in order, step after step.</param>
    /// <param name="failure">What the pipeline threw, or null.</param>
    /// <returns>What went wrong: <paramref name="failure"/>, else the first row that could not be sampled; null when nothing did.</returns>
    public Exception? End(MicroBatch batch, SampledToken[] tokens, Exception? failure)
    {
        InFlight--;
        if (_isBroken)
        {
            return failure;
        }

        _prefilled += batch.Rows - batch.Decodes;
        if (failure is KvLostException && batch.Generation == _kv.Generation)
        {
            _kv.ForgetAll();
        }

        foreach (MicroBatch.Entry entry in batch.Entries)
        {
            entry.Burst.InFlight = false;
            if (failure is not null)
            {
                Fail(entry.Burst, failure);
            }
        }

        return failure ?? Advance(batch, tokens);
    }

    /// <summary>
    /// The scheduler itself is at fault, and pages and queues cannot be trusted any more: only closes every stream, whatever its state.
    /// </summary>
    /// <param name="cause">What the consumers hear.</param>
    /// <param name="batch">The batch that was being ended: its bursts may have left all tables but not told their consumers.</param>
    public void Abandon(Exception cause, MicroBatch? batch)
    {
        _isBroken = true;
        IEnumerable<Burst> ending = batch is null ? [] : batch.Entries.Select(entry => entry.Burst);
        foreach (Burst burst in _kv.Bursts.Concat(ending))
        {
            burst.Close(cause);
        }
    }

    private Exception? Advance(MicroBatch batch, SampledToken[] tokens)
    {
        // Before the first token is accepted: that lengthens what a later step would be compared with.
        bool[] hasOutput = [.. batch.Entries.Select(entry => entry.HasOutput)];
        Exception? wrong = null;
        int output = 0;
        do
        {
            _batches++;
            for (int i = 0; i < hasOutput.Length; i++)
            {
                Burst burst = batch.Entries[i].Burst;
                SampledToken? token = hasOutput[i] ? tokens[output++] : null;
                // A burst that an earlier step has ended has no use for the rest.
                if (burst.Sequence.Burst == burst)
                {
                    Exception? unsampled = Advance(burst, batch.Entries[i].Count, token);
                    wrong ??= unsampled;
                    _decoded += batch.Entries[i].IsDecode ? 1 : 0;
                }
            }
        }
        while (output < tokens.Length);
        return wrong;
    }

    /// <summary>Returns why the row could not be sampled, null when all is well.</summary>
    private PipelineFailureException? Advance(Burst burst, int count, SampledToken? token)
    {
        burst.Sequence.Cached.AddRange(burst.Tokens.GetRange(burst.Sequence.Cached.Count, count));
        if (burst.IsStopped)
        {
            Retire(burst, burst.StopCause);
        }
        else if (token is { IsSampled: false } broken)
        {
            string reason = broken.Failure
                ?? $"the last stage could not sample the token at position {burst.Tokens.Count}: its logits are NaN or infinite.";
            return Fail(burst, new InvalidOperationException(reason));
        }
        else if (token is { } sampled && burst.Accept(sampled))
        {
            Retire(burst, null);
        }

        return null;
    }

    /// <summary>Ends one burst, and drops its KV: what was written is unknown, or led to logits that are no numbers.</summary>
    private PipelineFailureException Fail(Burst burst, Exception cause)
    {
        var failure = new PipelineFailureException(burst.Sequence.Id, cause);
        burst.Sequence.DropAtEnd = true;
        Retire(burst, failure);
        return failure;
    }

    private void Retire(Burst burst, Exception? error)
    {
        _planner.Remove(burst);
        _kv.MakeIdle(burst.Sequence);
        _retryHint.BurstEnded();
        burst.Close(error);
    }
}
