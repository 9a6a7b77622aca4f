using System.Buffers;
using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>
/// The byte-level BPE tokenizer of a Hugging Face folder (tokenizer.json); gives the ids that Hugging Face tokenizers gives.
/// </summary>
/// <remarks>
/// Thread-safe. Any text can be encoded, and decoding gives it back exactly, except that lone surrogates become U+FFFD. What is a letter or
/// a number is up to the runtime's Unicode version: a character that is newer than Hugging Face's version may be split elsewhere.
/// </remarks>
public sealed class Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly AddedTokenMatcher[] _added;
    private readonly WordEncoder _words;

    private Tokenizer(TokenizerFile file)
    {
        _vocabulary = file.Vocabulary;
        // Hugging Face looks for tokens that are not normalized first, and for the others in what these leave over.
        _added = [.. file.AddedTokens.GroupBy(t => t.Normalized).OrderBy(g => g.Key).Select(g => new AddedTokenMatcher(g))];
        _words = new WordEncoder(file);
        BosTokenId = file.BosTokenId;
    }

    /// <summary>One more than the largest token id; a model's own vocabulary may be padded beyond it.</summary>
    public int VocabSize => _vocabulary.Size;

    /// <summary>The token that tokenizer_config.json calls <c>bos_token</c>; null when there is none.</summary>
    public int? BosTokenId { get; }

    /// <summary>Reads tokenizer.json and, if there is one, tokenizer_config.json.</summary>
    /// <exception cref="CheckpointException">
    /// A file is missing or broken, or a field (which is named) asks for something unsupported.
    /// </exception>
    public static Tokenizer Load(string folder) => new(TokenizerFile.Read(folder));

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="addBos">Put <see cref="BosTokenId"/> first.</param>
    /// <param name="parseSpecial">Recognise special tokens that the text spells out; false for text from outside.</param>
    /// <exception cref="InvalidOperationException"><paramref name="addBos"/> without a <see cref="BosTokenId"/>.</exception>
    public int[] Encode(string text, bool addBos = false, bool parseSpecial = true) =>
        Encode([new TextSegment(text, parseSpecial)], addBos);

    /// <summary>
    /// The ids of the segments' concatenation; a special token is recognised only where segments that allow it spell all of it.
    /// </summary>
    /// <param name="segments">Stretches of one text; their borders are no word borders.</param>
    /// <param name="addBos">Put <see cref="BosTokenId"/> first.</param>
    /// <exception cref="InvalidOperationException"><paramref name="addBos"/> without a <see cref="BosTokenId"/>.</exception>
    public int[] Encode(IReadOnlyList<TextSegment> segments, bool addBos = false)
    {
        var ids = new List<int>();
        if (addBos)
            ids.Add(BosTokenId ?? throw new InvalidOperationException("The tokenizer has no bos_token to put first."));
        var text = new TrustedText(segments);
        EncodeRange(text, 0, text.Text.Length, pass: 0, ids, new MergeWorkspace());
        return [.. ids];
    }

    /// <summary>The text of some tokens; bytes that are no valid UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial)
    {
        var bytes = new ArrayBufferWriter<byte>(Math.Max(16, ids.Length * 4));
        foreach (int id in ids)
        {
            var piece = BytesOf(id);
            if (!skipSpecial || !_vocabulary.IsSpecial(id))
                bytes.Write(piece);
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>The id of a token as tokenizer.json writes it (a blank is Ġ); null when there is no such token.</summary>
    public int? IdOf(string token) => _vocabulary.IdOf(token);

    /// <summary>A token as tokenizer.json writes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string TokenOf(int id) => _vocabulary.TokenOf(id);

    /// <summary>The bytes that a token stands for; they need not be whole characters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public ReadOnlySpan<byte> BytesOf(int id) => _vocabulary.BytesOf(id);

    /// <summary>True for control tokens such as <c>&lt;|end|&gt;</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public bool IsSpecial(int id) => _vocabulary.IsSpecial(id);

    private void EncodeRange(TrustedText text, int start, int end, int pass, List<int> ids, MergeWorkspace work)
    {
        if (pass == _added.Length)
        {
            if (start < end)
                _words.Encode(text.Text.AsSpan(start, end - start), ids, work);
            return;
        }

        while (start < end)
        {
            var token = _added[pass].Find(text, start, end, out int position);
            EncodeRange(text, start, position, pass + 1, ids, work);
            if (token is null)
                return;
            ids.Add(token.Id);
            start = position + token.Content.Length;
        }
    }
}
