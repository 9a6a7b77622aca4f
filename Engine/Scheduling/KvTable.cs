namespace QuaRot.Engine.Scheduling;

/// <summary>Which sequence holds which KV pages; evicts sequences that do not run.</summary>
internal sealed class KvTable(int pageSize, int pageCount)
{
    private readonly PageAllocator _pages = new(pageCount);
    private readonly Dictionary<string, ResidentSequence> _sequences = [];
    private long _clock;

    public int PageSize { get; } = pageSize;

    public int Total => _pages.Total;

    public int Used => _pages.Used;

    public int Resident => _sequences.Values.Count(sequence => sequence.Pages.Count > 0);

    /// <summary>Every burst that waits or runs.</summary>
    public IEnumerable<Burst> Bursts => _sequences.Values.Where(s => s.Burst is not null).Select(s => s.Burst!);

    public long Evictions { get; private set; }

    public ResidentSequence? Find(string id) => _sequences.GetValueOrDefault(id);

    public ResidentSequence GetOrAdd(string id)
    {
        if (!_sequences.TryGetValue(id, out ResidentSequence? sequence))
        {
            sequence = new ResidentSequence(id) { Generation = Generation };
            _sequences.Add(id, sequence);
        }

        return sequence;
    }

    /// <summary>Grows each time that all KV was lost.</summary>
    public long Generation { get; private set; }

    /// <summary>All KV that was written so far is worth nothing; each sequence is told when it is next looked at.</summary>
    public void ForgetAll() => Generation++;

    /// <summary>Forgets the KV of a sequence if it is of an older generation. Its pages stay: they are written before they are read.</summary>
    public void Refresh(ResidentSequence sequence)
    {
        if (sequence.Generation != Generation)
        {
            sequence.Generation = Generation;
            sequence.Cached.Clear();
        }
    }

    /// <summary>Keeps the KV that the tokens share with what is cached, but never that of the last token: its logits are wanted.</summary>
    public void Rewind(ResidentSequence sequence, List<int> tokens)
    {
        Refresh(sequence);
        int limit = Math.Min(sequence.Cached.Count, tokens.Count - 1);
        int common = 0;
        while (common < limit && sequence.Cached[common] == tokens[common])
        {
            common++;
        }

        sequence.Cached.RemoveRange(common, sequence.Cached.Count - common);
        ReleaseFrom(sequence, PagesFor(common));
    }

    /// <summary>Adds one page; false when no page is free.</summary>
    public bool TryAddPage(ResidentSequence sequence)
    {
        if (!_pages.TryAllocate(out int page))
        {
            return false;
        }

        sequence.Pages.Add(page);
        return true;
    }

    /// <summary>
    /// Takes the pages of one sequence that does not run: the one idle for longest, else the one that waits at the end of the queue.
    /// </summary>
    public bool TryEvict(ResidentSequence except)
    {
        ResidentSequence? victim = _sequences.Values
            .Where(sequence => sequence != except && IsEvictable(sequence))
            .MinBy(sequence => (sequence.Burst is null ? 0 : 1, sequence.Burst is null ? sequence.LastUsed : -sequence.Burst.Ticket));
        if (victim is null)
        {
            return false;
        }

        Evictions++;
        Drop(victim);
        return true;
    }

    /// <summary>True when free pages and those of evictable sequences suffice for the burst, beside what running ones still need.</summary>
    public bool HasRoomFor(Burst burst, int promised)
    {
        int available = _pages.Free + _sequences.Values.Where(s => s != burst.Sequence && IsEvictable(s)).Sum(s => s.Pages.Count);
        return MissingPages(burst) + promised <= available;
    }

    /// <summary>Pages that the burst's present tokens need beyond those it holds.</summary>
    public int MissingPages(Burst burst) => Math.Max(0, PagesFor(burst.Tokens.Count) - burst.Sequence.Pages.Count);

    /// <summary>Takes all KV of a sequence; an idle one is forgotten.</summary>
    public void Drop(ResidentSequence sequence)
    {
        sequence.Cached.Clear();
        ReleaseFrom(sequence, 0);
        if (sequence.Burst is null)
        {
            _sequences.Remove(sequence.Id);
        }
    }

    /// <summary>The burst is over: the KV stays, and becomes the last in line for eviction.</summary>
    public void MakeIdle(ResidentSequence sequence)
    {
        sequence.Burst = null;
        sequence.LastUsed = ++_clock;
        if (sequence.DropAtEnd || sequence.Cached.Count == 0)
        {
            Drop(sequence);
        }
        else
        {
            ReleaseFrom(sequence, PagesFor(sequence.Cached.Count));
        }
    }

    private static bool IsEvictable(ResidentSequence sequence) => !sequence.IsRunning && sequence.Pages.Count > 0;

    private int PagesFor(int tokens) => (tokens + PageSize - 1) / PageSize;

    private void ReleaseFrom(ResidentSequence sequence, int firstPage)
    {
        for (int i = sequence.Pages.Count - 1; i >= firstPage; i--)
        {
            _pages.Release(sequence.Pages[i]);
            sequence.Pages.RemoveAt(i);
        }
    }
}
