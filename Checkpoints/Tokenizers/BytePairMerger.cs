using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>
/// Byte-pair encoding of one word: starting from single bytes or characters, always the pair of lowest rank is merged, the leftmost first.
/// </summary>
/// <remarks>
/// Sennrich et al., arXiv 1508.07909. In an ordinary word the best pair is looked for anew after each merge, which is quadratic but fast
/// where all of it lies in a cache line or two. A long one gets a linked list of symbols and a queue of candidate pairs, O(n log n): a text
/// without a blank must not be able to exploit the former.
/// </remarks>
internal sealed class BytePairMerger
{
    private const int ShortWord = 64;
    private readonly int[] _idOfByte;
    private readonly Dictionary<int, int>? _idOfCharacter;
    private readonly MergeTable _merges;

    /// <summary>Creates it for a model.</summary>
    public BytePairMerger(BpeModel model)
    {
        _idOfByte = model.IdOfByte;
        _merges = model.Merges;
        if (model.ByteFallback)
        {
            _idOfCharacter = model.Vocab.Where(e => Rune.TryGetRuneAt(e.Key + '\0', 0, out var r) && r.Utf16SequenceLength == e.Key.Length)
                .ToDictionary(e => Rune.GetRuneAt(e.Key, 0).Value, e => e.Value);
        }
    }

    /// <summary>The ids of a word; the span is a view of the workspace, valid until its next use.</summary>
    public ReadOnlySpan<int> Encode(ReadOnlySpan<char> word, MergeWorkspace work)
    {
        work.Reserve(Encoding.UTF8.GetMaxByteCount(word.Length));
        int count = _idOfCharacter is null ? Bytes(word, work, 0) : Characters(word, work);
        return count <= ShortWord ? MergeShort(work.Ids.AsSpan(0, count)) : MergeLong(work, count);
    }

    private ReadOnlySpan<int> MergeShort(Span<int> ids)
    {
        // ranks[i] and merged[i] are of the pair (i, i + 1).
        Span<int> ranks = stackalloc int[ShortWord];
        Span<int> merged = stackalloc int[ShortWord];
        for (int i = 0; i + 1 < ids.Length; i++)
            ranks[i] = _merges.Rank(ids[i], ids[i + 1], out merged[i]);
        while (ids.Length > 1)
        {
            int pairs = ids.Length - 1;
            int best = 0;
            for (int i = 1; i < pairs; i++)
            {
                if (ranks[i] < ranks[best])
                    best = i;
            }

            if (ranks[best] == int.MaxValue)
                break;
            ids[best] = merged[best];
            ids[(best + 2)..].CopyTo(ids[(best + 1)..]);
            ids = ids[..^1];
            if (best + 1 < pairs)
            {
                ranks[(best + 2)..pairs].CopyTo(ranks[(best + 1)..]);
                merged[(best + 2)..pairs].CopyTo(merged[(best + 1)..]);
                ranks[best] = _merges.Rank(ids[best], ids[best + 1], out merged[best]);
            }

            if (best > 0)
                ranks[best - 1] = _merges.Rank(ids[best - 1], ids[best], out merged[best - 1]);
        }

        return ids;
    }

    private ReadOnlySpan<int> MergeLong(MergeWorkspace work, int count)
    {
        for (int i = 0; i < count; i++)
        {
            work.Previous[i] = i - 1;
            work.Next[i] = i + 1 < count ? i + 1 : -1;
        }

        for (int i = 0; i + 1 < count; i++)
            Propose(work, i);
        while (work.Queue.TryDequeue(out int position, out ulong priority))
            MergeAt(work, position, rank: (int)(priority >> 32));
        return Pack(work.Ids, count);
    }

    private int Bytes(ReadOnlySpan<char> word, MergeWorkspace work, int start)
    {
        int count = Encoding.UTF8.GetBytes(word, work.Bytes);
        for (int i = 0; i < count; i++)
            work.Ids[start + i] = _idOfByte[work.Bytes[i]];
        return count;
    }

    private int Characters(ReadOnlySpan<char> word, MergeWorkspace work)
    {
        int count = 0;
        for (int i = 0; i < word.Length;)
        {
            Rune.DecodeFromUtf16(word[i..], out var rune, out int width);
            if (_idOfCharacter!.TryGetValue(rune.Value, out int id))
                work.Ids[count++] = id;
            else
                count += Bytes(word.Slice(i, width), work, count);
            i += width;
        }

        return count;
    }

    private void Propose(MergeWorkspace work, int left)
    {
        int rank = _merges.Rank(work.Ids[left], work.Ids[work.Next[left]], out _);
        if (rank != int.MaxValue)
            work.Queue.Enqueue(left, ((ulong)(uint)rank << 32) | (uint)left);
    }

    private void MergeAt(MergeWorkspace work, int left, int rank)
    {
        int right = work.Next[left];
        // An entry is stale when one of its symbols has merged with another since: then this pair, if any, has another rank and its own
        // entry.
        if (work.Ids[left] < 0 || right < 0 || _merges.Rank(work.Ids[left], work.Ids[right], out int merged) != rank)
            return;

        work.Ids[left] = merged;
        work.Ids[right] = -1;
        int after = work.Next[right];
        work.Next[left] = after;
        if (after >= 0)
        {
            work.Previous[after] = left;
            Propose(work, left);
        }

        if (work.Previous[left] >= 0)
            Propose(work, work.Previous[left]);
    }

    private static ReadOnlySpan<int> Pack(int[] ids, int count)
    {
        int length = 0;
        for (int i = 0; i < count; i++)
        {
            if (ids[i] >= 0)
                ids[length++] = ids[i];
        }

        return ids.AsSpan(0, length);
    }
}
