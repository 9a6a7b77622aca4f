namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>GPT-2's pattern, which ByteLevel uses by itself.</summary>
/// <remarks>
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> (openai/gpt-2, encoder.py).
/// </remarks>
internal sealed class Gpt2Splitter : WordSplitter
{
    /// <inheritdoc/>
    public override int FirstWord(ReadOnlySpan<char> text)
    {
        if (text[0] == '\'')
        {
            int contraction = Contraction(text[1..]);
            if (contraction > 0)
                return 1 + contraction;
        }

        int start = text[0] == ' ' && text.Length > 1 ? 1 : 0;
        var kind = CharacterKinds.At(text, start, out _);
        if (kind < CharacterKind.Space)
            return CharacterKinds.RunEnd(text, start, kind);

        // \s+(?!\S) leaves the last white space before a word to that word (if it is a blank) or to a match of its own.
        int end = CharacterKinds.SpaceEnd(text, 0);
        return end == text.Length || end == 1 ? end : end - 1;
    }

    private static int Contraction(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return 0;
        if (text[0] is 's' or 't' or 'm' or 'd')
            return 1;
        return text.StartsWith("re") || text.StartsWith("ve") || text.StartsWith("ll") ? 2 : 0;
    }
}
