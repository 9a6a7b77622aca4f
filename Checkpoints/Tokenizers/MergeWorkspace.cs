namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The buffers of one merge after the other; belongs to one call, not to several threads.</summary>
internal sealed class MergeWorkspace
{
    /// <summary>The word as bytes.</summary>
    public byte[] Bytes { get; private set; } = [];

    /// <summary>
    /// The symbols' ids; -1 where a symbol was absorbed by its left neighbour. Afterwards the result, packed at the front.
    /// </summary>
    public int[] Ids { get; private set; } = [];

    /// <summary>Index of the symbol to the left, or -1.</summary>
    public int[] Previous { get; private set; } = [];

    /// <summary>Index of the symbol to the right, or -1.</summary>
    public int[] Next { get; private set; } = [];

    /// <summary>Positions that may merge with their right neighbour, by (rank, position).</summary>
    public PriorityQueue<int, ulong> Queue { get; } = new();

    /// <summary>Makes room for a word of up to <paramref name="count"/> bytes.</summary>
    public void Reserve(int count)
    {
        if (Bytes.Length >= count)
            return;
        int size = Math.Max(count, 256);
        Bytes = new byte[size];
        Ids = new int[size];
        Previous = new int[size];
        Next = new int[size];
    }
}
