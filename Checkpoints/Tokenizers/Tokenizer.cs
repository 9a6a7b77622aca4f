using System.Buffers;
using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>
/// The BPE tokenizer of a Hugging Face folder (tokenizer.json), byte-level or with byte fallback; gives the ids that Hugging Face tokenizers
/// gives.
/// </summary>
/// <remarks>
/// Thread-safe. Any text can be encoded. Decoding gives it back exactly, except that lone surrogates become U+FFFD, and for what the file
/// itself makes of text (NFC, blanks around added tokens that strip them). What is a letter or a number is up to the runtime's Unicode
/// version: a character that is newer than Hugging Face's version may be split elsewhere.
/// </remarks>
public sealed class Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly TextNormalizer _normalizer;
    private readonly AddedTokenMatcher? _verbatim;
    private readonly AddedTokenMatcher? _normalized;
    private readonly WordEncoder _words;

    private Tokenizer(TokenizerFile file)
    {
        _vocabulary = file.Vocabulary;
        _normalizer = file.Normalizer;
        _verbatim = Matcher(file.AddedTokens.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        _normalized = Matcher(file.AddedTokens.Where(t => t.Normalized).Select(t => (file.Normalizer.Normalize(t.Content), t)));
        _words = new WordEncoder(file);
        BosTokenId = file.BosTokenId;
        StripsFirstBlank = file.StripsFirstBlank;
    }

    /// <summary>One more than the largest token id; a model's own vocabulary may be padded beyond it.</summary>
    public int VocabSize => _vocabulary.Size;

    /// <summary>
    /// The token that begins every text: what <c>post_processor</c> puts first or, where it puts none, tokenizer_config.json's
    /// <c>bos_token</c>, unless <c>add_bos_token</c> is false; null when there is none.
    /// </summary>
    public int? BosTokenId { get; }

    /// <summary>True when decoding drops the blank that encoding put in front of the text.</summary>
    internal bool StripsFirstBlank { get; }

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
    /// <param name="continues">Other tokens come before these: what a tokenizer does at the start of a text is not done.</param>
    /// <exception cref="InvalidOperationException"><paramref name="addBos"/> without a <see cref="BosTokenId"/>.</exception>
    public int[] Encode(IReadOnlyList<TextSegment> segments, bool addBos = false, bool continues = false)
    {
        var ids = new List<int>();
        if (addBos)
            ids.Add(BosTokenId ?? throw new InvalidOperationException("The tokenizer has no bos_token to put first."));
        var text = new TrustedText(segments);
        var work = new MergeWorkspace();
        ForEach(_verbatim, text, 0, text.Text.Length, ids, (start, end) => EncodeNormalized(text, start, end, atStart: start == 0 && !continues, ids, work));
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

        var text = bytes.WrittenSpan;
        return Encoding.UTF8.GetString(StripsFirstBlank && text is [(byte)' ', ..] ? text[1..] : text);
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

    private static AddedTokenMatcher? Matcher(IEnumerable<(string, AddedToken)> tokens) =>
        tokens.ToArray() is { Length: > 0 } some ? new AddedTokenMatcher(some) : null;

    // Hugging Face looks for tokens that are not normalized first, and for the others in the normalized text that these leave over.
    private void EncodeNormalized(TrustedText text, int start, int end, bool atStart, List<int> ids, MergeWorkspace work)
    {
        int offset = start;
        if (!_normalizer.IsNone)
        {
            // Normalizing may move characters over the border of trust; a stretch that is not trusted all through is then not trusted at all.
            text = new TrustedText(_normalizer.Normalize(text.Text[start..end]), text.IsTrusted(start, end));
            (start, end, offset) = (0, text.Text.Length, 0);
        }

        ForEach(_normalized, text, start, end, ids, (from, to) =>
            _words.Encode(text.Text.AsSpan(from, to - from), atStart && from == offset, ids, work));
    }

    // Appends the added tokens of a text, and has what lies between them encoded.
    private static void ForEach(AddedTokenMatcher? added, TrustedText text, int start, int end, List<int> ids, Action<int, int> encode)
    {
        while (start < end)
        {
            var match = added?.Find(text, start, end);
            if (match is not { Start: var stop } || stop > start)
                encode(start, match?.Start ?? end);
            if (match is not { } found)
                return;
            ids.Add(found.Token.Id);
            start = found.End;
        }
    }
}
