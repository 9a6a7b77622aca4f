namespace QuaRot.Engine.Scheduling;

/// <summary>A sequence with the KV that the replica holds for it.</summary>
internal sealed class ResidentSequence(string id)
{
    public string Id { get; } = id;

    /// <summary>The tokens whose keys and values are in the pages, from position 0.</summary>
    public List<int> Cached { get; } = [];

    /// <summary>The block table: position p lies in Pages[p / page_size]. May reach past the cached tokens.</summary>
    public List<int> Pages { get; } = [];

    /// <summary>Generation of the replica's KV that <see cref="Cached"/> belongs to.</summary>
    public long Generation { get; set; }

    /// <summary>The burst that waits or runs, or null when the sequence is idle.</summary>
    public Burst? Burst { get; set; }

    /// <summary>Stamp of the end of the last burst; the lowest is evicted first.</summary>
    public long LastUsed { get; set; }

    /// <summary>Released while its burst was under way: dropped at the end of it.</summary>
    public bool DropAtEnd { get; set; }

    /// <summary>A micro-batch may touch the pages.</summary>
    public bool IsRunning => Burst is { IsRunning: true };
}
