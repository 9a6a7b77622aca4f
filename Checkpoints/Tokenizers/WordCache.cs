using System.Collections.Concurrent;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Remembers how words were merged. Bounded: when it is full it starts over, so hostile text costs time but no memory.</summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare and would let few entries take much memory.</summary>
    public const int MaxWordLength = 32;

    private const int MaxWords = 1 << 15;
    private readonly ConcurrentDictionary<string, int[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private int _count;

    public WordCache() => _lookup = _words.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryGet(ReadOnlySpan<char> word, out ReadOnlySpan<int> ids)
    {
        bool found = _lookup.TryGetValue(word, out int[]? stored);
        ids = stored;
        return found;
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (!_lookup.TryAdd(word, ids.ToArray()))
            return;
        // Threads that race past the limit together add a few words more or clear twice; neither matters.
        if (Interlocked.Increment(ref _count) > MaxWords)
        {
            _words.Clear();
            Interlocked.Exchange(ref _count, 0);
        }
    }
}
