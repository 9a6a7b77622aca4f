using System.Numerics;
using System.Runtime.CompilerServices;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>What pairs of neighbouring tokens merge to.</summary>
/// <remarks>
/// Open addressing at half load, entries of 16 bytes: most questions, nearly all of them for pairs that do not merge, touch one cache line.
/// A <see cref="Dictionary{TKey, TValue}"/> touches two or three, and these misses are what merging spends its time on.
/// </remarks>
internal sealed class MergeTable
{
    private const ulong Free = ulong.MaxValue;
    private readonly Entry[] _entries;
    private readonly int _shift;

    /// <summary>An empty table for up to <paramref name="capacity"/> pairs.</summary>
    public MergeTable(int capacity)
    {
        uint size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 8) * 2);
        _shift = 64 - BitOperations.Log2(size);
        _entries = new Entry[size];
        Array.Fill(_entries, new Entry(Free, 0, 0));
    }

    /// <summary>The tokens that merges make, some of them several times.</summary>
    public IEnumerable<int> MergedIds => _entries.Where(entry => entry.Key != Free).Select(entry => entry.Id);

    /// <summary>Sets what a pair merges to, and how early: lower ranks go first.</summary>
    public void Set(int left, int right, int rank, int id)
    {
        ulong key = Key(left, right);
        _entries[Find(key)] = new Entry(key, rank, id);
    }

    /// <summary>What a pair merges to.</summary>
    /// <returns>The rank, or <see cref="int.MaxValue"/> when the pair does not merge.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Rank(int left, int right, out int id)
    {
        ulong key = Key(left, right);
        ref var entry = ref _entries[Find(key)];
        id = entry.Id;
        return entry.Key == key ? entry.Rank : int.MaxValue;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(ulong key)
    {
        var entries = _entries;
        int i = (int)((key * 0x9E3779B97F4A7C15) >> _shift);
        while (entries[i].Key != key && entries[i].Key != Free)
            i = (i + 1) & (entries.Length - 1);
        return i;
    }

    private readonly record struct Entry(ulong Key, int Rank, int Id);
}
