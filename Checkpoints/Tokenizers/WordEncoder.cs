using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Turns text without added tokens into ids: cut into words, look the word up, merge it if it is new.</summary>
internal sealed class WordEncoder(TokenizerFile file)
{
    private readonly BytePairMerger _merger = new(file.Model);
    private readonly WordCache _cache = new();

    /// <summary>Appends the ids of <paramref name="text"/>, which must be well-formed and not empty.</summary>
    /// <param name="text">A normalized stretch between added tokens.</param>
    /// <param name="atStart">True when nothing comes before it.</param>
    /// <param name="ids">Takes the ids.</param>
    /// <param name="work">Buffers of this call.</param>
    public void Encode(ReadOnlySpan<char> text, bool atStart, List<int> ids, MergeWorkspace work)
    {
        text = file.PreTokenizer.Blanks(text, atStart);
        var words = file.PreTokenizer.Words;
        while (!text.IsEmpty)
        {
            int length = words.FirstWord(text);
            ids.AddRange(EncodeWord(text[..length], work));
            text = text[length..];
        }
    }

    private ReadOnlySpan<int> EncodeWord(ReadOnlySpan<char> word, MergeWorkspace work)
    {
        if (word.Length > WordCache.MaxWordLength)
            return Merge(word, work);
        if (_cache.TryGet(word, out var ids))
            return ids;
        ids = Merge(word, work);
        _cache.Add(word, ids);
        return ids;
    }

    private ReadOnlySpan<int> Merge(ReadOnlySpan<char> word, MergeWorkspace work) =>
        file.Model.IgnoreMerges && WholeToken(word) is { } id ? new int[] { id } : _merger.Encode(word, work);

    // A special token's text may be in the vocabulary too; reaching it here would let untrusted text spell it.
    private int? WholeToken(ReadOnlySpan<char> word)
    {
        var token = new StringBuilder(word.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(word.ToArray()))
            token.Append(ByteAlphabet.ToChar(b));
        return file.Model.Vocab.TryGetValue(token.ToString(), out int id) && !file.Vocabulary.IsSpecial(id) ? id : null;
    }
}
