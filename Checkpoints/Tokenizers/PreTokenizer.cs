namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The <c>pre_tokenizer</c> of tokenizer.json: a blank in front, marks for blanks, and the cut into words.</summary>
/// <param name="Words">The cut.</param>
/// <param name="Prefix">Where text that does not begin with a blank gets one.</param>
/// <param name="MarkBlanks">Write U+2581 for every blank.</param>
internal sealed record PreTokenizer(WordSplitter Words, BlankPrefix Prefix = BlankPrefix.Never, bool MarkBlanks = false)
{
    /// <summary>The text that is cut into words.</summary>
    /// <param name="text">A stretch between added tokens, not empty.</param>
    /// <param name="atStart">True when nothing comes before it.</param>
    public ReadOnlySpan<char> Blanks(ReadOnlySpan<char> text, bool atStart)
    {
        bool prefix = (Prefix == BlankPrefix.Always || (Prefix == BlankPrefix.First && atStart))
            && !(MarkBlanks ? text[0] is ' ' or BlankSplitter.Blank : text[0] == ' ');
        if (!prefix && (!MarkBlanks || !text.Contains(' ')))
            return text;
        int start = prefix ? 1 : 0;
        var result = new char[start + text.Length];
        result[0] = ' ';
        text.CopyTo(result.AsSpan(start));
        if (MarkBlanks)
            result.AsSpan().Replace(' ', BlankSplitter.Blank);
        return result;
    }
}
