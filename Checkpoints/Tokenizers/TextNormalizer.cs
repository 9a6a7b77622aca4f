using QuaRot.Checkpoints.Tokenizers.Unicode;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The <c>normalizer</c> of tokenizer.json: what is done to the text between those added tokens that are not normalized.</summary>
/// <param name="ComposeUnicode">NFC: Unicode's normalization form C.</param>
/// <param name="PrependBlank">Prepend: a U+2581 in front, even of one that is there.</param>
/// <param name="MarkBlanks">Replace: U+2581 for every blank.</param>
internal sealed record TextNormalizer(bool ComposeUnicode = false, bool PrependBlank = false, bool MarkBlanks = false)
{
    /// <summary>True when nothing is done.</summary>
    public bool IsNone => !ComposeUnicode && !PrependBlank && !MarkBlanks;

    /// <summary>The normalized text; nothing comes of nothing.</summary>
    public string Normalize(string text)
    {
        if (text.Length == 0)
            return text;
        if (ComposeUnicode)
            text = CanonicalComposition.Normalize(text);
        if (PrependBlank)
            text = BlankSplitter.Blank + text;
        return MarkBlanks ? text.Replace(' ', BlankSplitter.Blank) : text;
    }
}
