using System.Globalization;
using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Splits text into the words that BPE merges within, as GPT-2's pattern does.</summary>
/// <remarks>
/// The pattern is <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> (openai/gpt-2, encoder.py). It is
/// scanned by hand because .NET regular expressions see UTF-16 units: there a letter outside the basic plane is two surrogates and no
/// \p{L}.
/// </remarks>
internal static class Gpt2Splitter
{
    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    private static readonly Kind[] s_ascii = [.. Enumerable.Range(0, 128).Select(c => Classify(new Rune(c)))];

    /// <summary>Length in UTF-16 units of the first word of <paramref name="text"/>, which must be well-formed and not empty.</summary>
    public static int FirstWord(ReadOnlySpan<char> text)
    {
        if (text[0] == '\'')
        {
            int contraction = Contraction(text[1..]);
            if (contraction > 0)
                return 1 + contraction;
        }

        int start = text[0] == ' ' && text.Length > 1 ? 1 : 0;
        var kind = KindAt(text, start, out _);
        if (kind != Kind.Space)
            return RunEnd(text, start, kind);

        // \s+(?!\S) leaves the last white space before a word to that word (if it is a blank) or to a match of its own.
        int end = RunEnd(text, 0, Kind.Space);
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

    private static int RunEnd(ReadOnlySpan<char> text, int start, Kind kind)
    {
        int i = start;
        while (i < text.Length && KindAt(text, i, out int width) == kind)
            i += width;
        return i;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int index, out int width)
    {
        char c = text[index];
        width = 1;
        if (c < 128)
            return s_ascii[c];
        if (!char.IsSurrogate(c))
            return Classify(new Rune(c));
        width = 2;
        return Classify(new Rune(c, text[index + 1]));
    }

    private static Kind Classify(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        <= UnicodeCategory.OtherLetter => Kind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
        _ => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other,
    };
}
