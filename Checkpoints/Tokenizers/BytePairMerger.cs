using System.Runtime.CompilerServices;
using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>
/// Byte-pair encoding of one word: starting from single bytes or characters, always the pair of lowest rank is merged, the leftmost first.
/// </summary>
/// <remarks>
/// Sennrich et al., arXiv 1508.07909. A linked list of symbols and a queue of candidate pairs make it O(n log n) for a word of n bytes;
/// looking for the best pair anew after each merge would be quadratic, which a text without a blank could exploit.
/// </remarks>
internal sealed class BytePairMerger
{
    private readonly int[] _idOfByte;
    private readonly Dictionary<int, int>? _idOfCharacter;
    private readonly Dictionary<ulong, Merge> _merges;

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

    /// <summary>The key of a pair of neighbours in the table of merges.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>The ids of a word; the span is a view of the workspace, valid until its next use.</summary>
    public ReadOnlySpan<int> Encode(ReadOnlySpan<char> word, MergeWorkspace work)
    {
        work.Reserve(Encoding.UTF8.GetMaxByteCount(word.Length));
        int count = _idOfCharacter is null ? Bytes(word, work, 0) : Characters(word, work);
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
        if (_merges.TryGetValue(Key(work.Ids[left], work.Ids[work.Next[left]]), out var merge))
            work.Queue.Enqueue(left, ((ulong)(uint)merge.Rank << 32) | (uint)left);
    }

    private void MergeAt(MergeWorkspace work, int left, int rank)
    {
        int right = work.Next[left];
        // An entry is stale when one of its symbols has merged with another since: then this pair, if any, has another rank and its own
        // entry.
        if (work.Ids[left] < 0 || right < 0
            || !_merges.TryGetValue(Key(work.Ids[left], work.Ids[right]), out var merge) || merge.Rank != rank)
            return;

        work.Ids[left] = merge.Id;
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

    /// <summary>What a pair merges to, and how early.</summary>
    /// <param name="Rank">Position in the list of merges; lower goes first.</param>
    /// <param name="Id">The merged token.</param>
    internal readonly record struct Merge(int Rank, int Id);
}
