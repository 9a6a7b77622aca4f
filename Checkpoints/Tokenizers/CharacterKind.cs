using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>What the pattern of a pre-tokenizer tells apart.</summary>
internal enum CharacterKind : byte
{
    /// <summary>Neither of the following.</summary>
    Other,

    /// <summary>\p{L}.</summary>
    Letter,

    /// <summary>\p{N}.</summary>
    Number,

    /// <summary>\s, but no line break.</summary>
    Space,

    /// <summary>\r or \n, which are \s too.</summary>
    LineBreak,
}

/// <summary>Kinds of characters in UTF-16 text.</summary>
/// <remarks>
/// By hand because .NET regular expressions see UTF-16 units: there a letter outside the basic plane is two surrogates and no \p{L}.
/// </remarks>
internal static class CharacterKinds
{
    private static readonly CharacterKind[] s_basic = [.. Enumerable.Range(0, 0x10000).Select(c => Rune.TryCreate(c, out var r) ? Classify(r) : 0)];

    /// <summary>Kind of the character at <paramref name="index"/> of well-formed text, and its width in UTF-16 units.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CharacterKind At(ReadOnlySpan<char> text, int index, out int width)
    {
        char c = text[index];
        width = 1;
        if (!char.IsSurrogate(c))
            return s_basic[c];
        width = 2;
        return Classify(new Rune(c, text[index + 1]));
    }

    /// <summary>Where the run of one kind that begins at <paramref name="start"/> ends.</summary>
    public static int RunEnd(ReadOnlySpan<char> text, int start, CharacterKind kind)
    {
        int i = start;
        while (i < text.Length && At(text, i, out int width) == kind)
            i += width;
        return i;
    }

    /// <summary>Where the white space that begins at <paramref name="start"/> ends.</summary>
    public static int SpaceEnd(ReadOnlySpan<char> text, int start)
    {
        int i = start;
        while (i < text.Length && s_basic[text[i]] >= CharacterKind.Space)
            i++;
        return i;
    }

    /// <summary>True for \w: letters, marks, decimal digits, letter numbers, connectors, and the two joiners.</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation
        || rune.Value is 0x200C or 0x200D;

    private static CharacterKind Classify(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        <= UnicodeCategory.OtherLetter => CharacterKind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterKind.Number,
        _ when rune.Value is '\r' or '\n' => CharacterKind.LineBreak,
        _ => Rune.IsWhiteSpace(rune) ? CharacterKind.Space : CharacterKind.Other,
    };
}
