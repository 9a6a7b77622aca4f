namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The pattern of Llama-3 and, with single digits, of Qwen2 and Qwen3; both descend from OpenAI's cl100k.</summary>
/// <param name="maxDigits">Most \p{N} in one word: 3 for Llama-3, 1 for Qwen.</param>
internal sealed class Cl100kSplitter(int maxDigits) : WordSplitter
{
    private const string Head = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}";
    private const string Tail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The splitter of a pattern as tokenizer.json writes it; null for any other pattern.</summary>
    public static Cl100kSplitter? Of(string pattern) => pattern switch
    {
        Head + "{1,3}" + Tail => new Cl100kSplitter(3),
        Head + Tail => new Cl100kSplitter(1),
        _ => null,
    };

    /// <inheritdoc/>
    public override int FirstWord(ReadOnlySpan<char> text)
    {
        if (text[0] == '\'')
        {
            int contraction = Contraction(text[1..]);
            if (contraction > 0)
                return 1 + contraction;
        }

        var kind = CharacterKinds.At(text, 0, out int width);
        if (kind == CharacterKind.Letter)
            return CharacterKinds.RunEnd(text, 0, CharacterKind.Letter);
        if (kind == CharacterKind.Number)
            return Digits(text);
        if (kind == CharacterKind.LineBreak)
            return WhiteSpace(text);
        var next = width < text.Length ? CharacterKinds.At(text, width, out _) : CharacterKind.LineBreak;
        if (next == CharacterKind.Letter)
            return CharacterKinds.RunEnd(text, width, CharacterKind.Letter);
        return kind == CharacterKind.Other || (text[0] == ' ' && next == CharacterKind.Other) ? Symbols(text, width) : WhiteSpace(text);
    }

    private int Digits(ReadOnlySpan<char> text)
    {
        int i = 0;
        for (int n = 0; n < maxDigits && i < text.Length && CharacterKinds.At(text, i, out int width) == CharacterKind.Number; n++)
            i += width;
        return i;
    }

    private static int Symbols(ReadOnlySpan<char> text, int start)
    {
        int end = CharacterKinds.RunEnd(text, start, CharacterKind.Other);
        return CharacterKinds.RunEnd(text, end, CharacterKind.LineBreak);
    }

    // Up to the last line break of the run if it has one; otherwise all of it but what belongs to the next word.
    private static int WhiteSpace(ReadOnlySpan<char> text)
    {
        int end = CharacterKinds.SpaceEnd(text, 0);
        int lineBreak = text[..end].LastIndexOfAny('\r', '\n');
        if (lineBreak >= 0)
            return lineBreak + 1;
        return end == text.Length || end == 1 ? end : end - 1;
    }

    // Without regard to case, and ſ (U+017F) folds to s.
    private static int Contraction(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return 0;
        if (text[0] is 's' or 't' or 'm' or 'd' or 'S' or 'T' or 'M' or 'D' or '\u017F')
            return 1;
        return text.Length > 1 && (text[0] | 0x20, text[1] | 0x20) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 2 : 0;
    }
}
