using System.Text;

namespace QuaRot.Checkpoints.Tests.Tokenizers;

/// <summary>
/// Seeded text that mixes what tokenizers get wrong: scripts, emoji, combining marks, white space of all kinds, control characters.
/// </summary>
internal static class RandomText
{
    private static readonly string[] s_pieces =
    [
        " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2003", "\u3000", "\u0085", "\u200b", "\u0000", "\u0007", "\ufeff", "\ufffd",
        "'s", "'ll", "'re", "'", "don't", "'S", "word", "Wörter", "naïve", "e\u0301", "\u0301", "東京", "Привет", "العربية", "हिन्दी", "한국어",
        "123", "٣٤", "½", "Ⅷ", "²", "𝟘𝟙", "𝒳", "𐐷", "🦙", "👩‍👩‍👧", "🇩🇪", "❤️", "<|end|>", "<|", "|>", "...", "—", "“”", "€", "\\", "0x1F",
    ];

    public static string Next(Random random, int pieces)
    {
        var text = new StringBuilder();
        for (int i = 0; i < pieces; i++)
            text.Append(random.Next(4) == 0 ? AnyRune(random).ToString() : s_pieces[random.Next(s_pieces.Length)]);
        return text.ToString();
    }

    private static Rune AnyRune(Random random)
    {
        int limit = random.Next(3) switch { 0 => 0x300, 1 => 0x10000, _ => 0x20000 };
        while (true)
        {
            if (Rune.TryCreate(random.Next(limit), out var rune))
                return rune;
        }
    }
}
