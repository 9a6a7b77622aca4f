using System.Text;

namespace QuaRot.Checkpoints.Tokenizers.Unicode;

/// <summary>Normalization form C (UAX #15).</summary>
/// <remarks>
/// Written here because <see cref="string.Normalize()"/> does nothing under InvariantGlobalization, and because a tokenizer must not change
/// with the version of ICU that a machine happens to have.
/// </remarks>
internal static class CanonicalComposition
{
    /// <summary>NFC of well-formed text; the very same string where nothing can change.</summary>
    public static string Normalize(string text)
    {
        var data = CanonicalData.Instance;
        int unstable = data.NextUnstable(text, 0);
        if (unstable == text.Length)
            return text;
        var result = new StringBuilder(text.Length);
        int done = 0;
        while (unstable < text.Length)
        {
            // From the starter that what follows may join, to the next one that joins nothing.
            int start = unstable > done ? unstable - (char.IsLowSurrogate(text[unstable - 1]) ? 2 : 1) : done;
            int end = unstable;
            while (end < text.Length && (char.IsLowSurrogate(text[end]) || data.IsUnstable(text, end)))
                end++;
            result.Append(text, done, start - done);
            Append(data, text.AsSpan(start, end - start), result);
            done = end;
            unstable = data.NextUnstable(text, end);
        }

        return result.Append(text, done, text.Length - done).ToString();
    }

    private static void Append(CanonicalData data, ReadOnlySpan<char> text, StringBuilder result)
    {
        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(data, rune.Value, points);
        var classes = points.ConvertAll(data.ClassOf);
        Reorder(points, classes);
        Compose(data, points, classes, result);
    }

    private static void Decompose(CanonicalData data, int codePoint, List<int> target)
    {
        // Syllables of Hangul stay whole: composing their jamo would only make them again.
        if (!data.TryDecompose(codePoint, out var parts))
        {
            target.Add(codePoint);
            return;
        }

        Decompose(data, parts.First, target);
        if (parts.Second != 0)
            target.Add(parts.Second);
    }

    // A stable sort by class of every run of combining marks, so a long run costs n log n.
    private static void Reorder(List<int> points, List<byte> classes)
    {
        for (int start = 0; start < points.Count; start++)
        {
            if (classes[start] == 0)
                continue;
            int end = start;
            while (end < points.Count && classes[end] != 0)
                end++;
            var sorted = Enumerable.Range(start, end - start).OrderBy(i => classes[i]).Select(i => (points[i], classes[i])).ToArray();
            for (int i = 0; i < sorted.Length; i++)
                (points[start + i], classes[start + i]) = sorted[i];
            start = end;
        }
    }

    private static void Compose(CanonicalData data, List<int> points, List<byte> classes, StringBuilder result)
    {
        int starter = -1;
        int length = 0;
        int lastClass = -1;
        for (int i = 0; i < points.Count; i++)
        {
            // A mark reaches its starter unless one of its own or a higher class, or another starter, stands between.
            if (starter >= 0 && lastClass < classes[i] && Join(data, points[starter], points[i]) is >= 0 and var joined)
            {
                points[starter] = joined;
                continue;
            }

            if (classes[i] == 0)
                (starter, lastClass) = (length, -1);
            else
                lastClass = classes[i];
            points[length++] = points[i];
        }

        foreach (int point in points[..length])
            result.Append(new Rune(point));
    }

    private static int Join(CanonicalData data, int first, int second) =>
        Hangul.Compose(first, second) is >= 0 and var syllable ? syllable : data.TryCompose(first, second, out int composite) ? composite : -1;
}
