namespace QuaRot.Engine.Scheduling;

/// <summary>Decides who runs and what goes into the next micro-batch: the whole policy, without threads or time.</summary>
/// <remarks>
/// Nobody starves: bursts run in the order of arrival; the oldest running one gets pages before all others, by eviction, then by
/// preempting the youngest; and among those that decode, the one that stepped longest ago comes first.
/// </remarks>
internal sealed class BatchPlanner(KvTable kv, SchedulerOptions options, int stepsAtOnce)
{
    private readonly SortedSet<Burst> _waiting = new(Comparer<Burst>.Create((a, b) => a.Ticket.CompareTo(b.Ticket)));
    private readonly SortedSet<Burst> _running = new(Comparer<Burst>.Create((a, b) => a.Ticket.CompareTo(b.Ticket)));
    private long _steps;

    public IReadOnlyCollection<Burst> Waiting => _waiting;

    public IReadOnlyCollection<Burst> Running => _running;

    public long Preemptions { get; private set; }

    public void Enqueue(Burst burst) => _waiting.Add(burst);

    public void Remove(Burst burst)
    {
        _waiting.Remove(burst);
        _running.Remove(burst);
        burst.IsRunning = false;
    }

    /// <summary>The next micro-batch, its bursts marked in flight; null when nothing can be done until something ends or arrives.</summary>
    /// <param name="atOnce">Batches to spread the running bursts over.</param>
    public MicroBatch? Next(int atOnce)
    {
        foreach (Burst burst in _running.Where(b => !b.InFlight))
        {
            kv.Refresh(burst.Sequence);
        }

        Admit();
        ProvideForOldest();
        var batch = new MicroBatch(kv.Generation);
        int room = (_running.Count + atOnce - 1) / atOnce;
        // A copy of each selection: making room for one burst may preempt another.
        IEnumerable<Burst> decoding = _running.Where(b => !b.InFlight && b.Remaining == 1).OrderBy(b => b.LastStep).ThenBy(b => b.Ticket);
        foreach (Burst burst in decoding.ToArray())
        {
            Add(batch, burst, room, isDecode: true);
        }

        foreach (Burst burst in _running.Where(b => !b.InFlight && b.Remaining > 1).ToArray())
        {
            Add(batch, burst, room, isDecode: false);
        }

        if (batch.Rows == 0)
        {
            return null;
        }

        batch.Steps = StepsOf(batch);
        _steps++;
        return batch;
    }

    /// <summary>Several steps where nobody waits for the end of the first: all that run decode, and what waits cannot run anyway.</summary>
    private int StepsOf(MicroBatch batch)
    {
        if (stepsAtOnce == 1 || batch.Rows != batch.Decodes || batch.Decodes != _running.Count)
        {
            return 1;
        }

        int steps = Math.Min(stepsAtOnce, batch.Entries.Min(entry => entry.Burst.StepsAhead));
        return batch.Entries.Min(entry => StepsWithPages(entry, steps));
    }

    // Free pages alone: a token that may never come is no reason to take those of others.
    private int StepsWithPages(MicroBatch.Entry entry, int steps)
    {
        ResidentSequence sequence = entry.Burst.Sequence;
        while (sequence.Pages.Count * kv.PageSize < entry.Start + steps && kv.TryAddPage(sequence))
        {
        }

        return Math.Min(steps, (sequence.Pages.Count * kv.PageSize) - entry.Start);
    }

    private void Admit()
    {
        int limit = Math.Min(options.MaxRunning, options.MaxBatchTokens);
        while (_running.Count < limit && _waiting.Min is { } head)
        {
            kv.Rewind(head.Sequence, head.Tokens);
            // Strictly in order: passing by a long prompt that does not fit yet would starve it.
            if (!kv.HasRoomFor(head, _running.Sum(kv.MissingPages)))
            {
                return;
            }

            _waiting.Remove(head);
            _running.Add(head);
            head.IsRunning = true;
        }
    }

    private void ProvideForOldest()
    {
        if (_running.Min is { InFlight: false } oldest)
        {
            TryGrow(oldest, oldest.Sequence.Cached.Count + Math.Min(oldest.Remaining, options.MaxBatchTokens));
        }
    }

    private void Add(MicroBatch batch, Burst burst, int room, bool isDecode)
    {
        int rows = Math.Min(burst.Remaining, options.MaxBatchTokens - batch.Rows);
        // A burst that an earlier one of this round has preempted is no longer running.
        if (rows <= 0 || batch.Entries.Count >= room || !burst.IsRunning)
        {
            return;
        }

        int cached = burst.Sequence.Cached.Count;
        if (!TryGrow(burst, cached + rows))
        {
            rows = Math.Min(rows, (burst.Sequence.Pages.Count * kv.PageSize) - cached);
        }

        if (rows > 0)
        {
            burst.LastStep = _steps;
            batch.Add(burst, rows, isDecode);
        }
    }

    /// <summary>Gets pages for so many positions; false when younger bursts are in flight or older ones hold the rest.</summary>
    private bool TryGrow(Burst burst, int positions)
    {
        while ((long)burst.Sequence.Pages.Count * kv.PageSize < positions)
        {
            if (!kv.TryAddPage(burst.Sequence) && !kv.TryEvict(burst.Sequence) && !TryPreemptYoungerThan(burst))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryPreemptYoungerThan(Burst burst)
    {
        Burst? victim = _running.Reverse().FirstOrDefault(b => b.Ticket > burst.Ticket && !b.InFlight && b.Sequence.Pages.Count > 0);
        if (victim is null)
        {
            return false;
        }

        Remove(victim);
        kv.Drop(victim.Sequence);
        _waiting.Add(victim);
        Preemptions++;
        return true;
    }
}
