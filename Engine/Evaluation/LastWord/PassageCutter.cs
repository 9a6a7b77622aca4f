using System.Text.RegularExpressions;

namespace QuaRot.Engine.Evaluation.LastWord;

/// <summary>Cuts a text into passages for the last-word task. The same text gives the same passages.</summary>
/// <remarks>
/// Paragraphs are divided by empty lines. In each, sentences are taken from the start until there are 40 words or more: that is a passage,
/// and the next one begins behind it; what is left at the end of the paragraph is dropped, and so is a passage of fewer than two
/// sentences or more than 200 words. It counts if its last word has four or more letters, all in lower case (no name, no abbreviation,
/// none of the short function words), followed by the end of the sentence alone. After LAMBADA (Paperno et al., arXiv 1606.06031), whose
/// passages are of about 75 words; there people chose them, here nobody did, so that the figures compare models with each other alone.
/// </remarks>
public static partial class PassageCutter
{
    private const int FewestWords = 40;
    private const int MostWords = 200;

    /// <summary>All passages, in the order of the text.</summary>
    public static IReadOnlyList<Passage> Cut(string text) => [.. EmptyLines().Split(text.ReplaceLineEndings("\n")).SelectMany(Paragraph)];

    private static IEnumerable<Passage> Paragraph(string paragraph)
    {
        var (words, sentences) = (new List<string>(), 0);
        foreach (var sentence in SentenceEnds().Split(string.Join(' ', paragraph.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))))
        {
            words.AddRange(sentence.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            sentences++;
            if (words.Count < FewestWords)
                continue;
            if (sentences >= 2 && words.Count <= MostWords && LastWord().Match(words[^1]) is { Success: true } match)
                yield return Passage(words, match.Groups[1].Value);
            words.Clear();
            sentences = 0;
        }
    }

    private static Passage Passage(List<string> words, string last)
    {
        var context = string.Join(' ', words.SkipLast(1));
        var occurs = Words().Matches(context).Any(match => match.Value.Equals(last, StringComparison.OrdinalIgnoreCase));
        return new Passage(context, last, occurs);
    }

    [GeneratedRegex(@"\n[ \t]*\n")]
    private static partial Regex EmptyLines();

    // Behind a full stop and what closes with it, before a capital and what opens with it.
    [GeneratedRegex("""(?<=[.!?]["')\]]?) (?=["'(\[]*\p{Lu})""")]
    private static partial Regex SentenceEnds();

    [GeneratedRegex("""^(\p{Ll}{4,})[.!?]["')\]]*$""")]
    private static partial Regex LastWord();

    [GeneratedRegex(@"\p{L}+")]
    private static partial Regex Words();
}
