using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The concatenation of some segments, as well-formed UTF-16, and where special tokens may be recognised in it.</summary>
internal sealed class TrustedText
{
    // Ends of alternating stretches: the first is untrusted (perhaps empty), the second trusted, and so on.
    private readonly List<int> _ends = [];

    public TrustedText(IReadOnlyList<TextSegment> segments)
    {
        var text = new StringBuilder();
        bool trusted = false;
        foreach (var segment in segments)
        {
            if (segment.Text.Length == 0)
                continue;
            if (segment.ParseSpecial != trusted)
            {
                _ends.Add(text.Length);
                trusted = segment.ParseSpecial;
            }

            text.Append(segment.Text);
        }

        _ends.Add(text.Length);
        // After joining: a pair split over two segments is no lone surrogate.
        Text = WithoutLoneSurrogates(segments.Count == 1 ? segments[0].Text : text.ToString());
    }

    /// <summary>Text that is trusted as a whole or not at all; it must be well-formed.</summary>
    public TrustedText(string text, bool trusted)
    {
        if (trusted)
            _ends.Add(0);
        _ends.Add(text.Length);
        Text = text;
    }

    /// <summary>The joined text; every lone surrogate has become U+FFFD.</summary>
    public string Text { get; }

    /// <summary>True when all of [start, end) is trusted; <paramref name="end"/> must be above <paramref name="start"/>.</summary>
    public bool IsTrusted(int start, int end)
    {
        int stretch = _ends.BinarySearch(start);
        // Found means that a stretch ends at start, so start belongs to the next one; only the very first stretch can be empty.
        stretch = stretch < 0 ? ~stretch : stretch + 1;
        return stretch % 2 == 1 && end <= _ends[stretch];
    }

    private static string WithoutLoneSurrogates(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            return text;
        return string.Create(text.Length, text, static (target, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                bool pair = i + 1 < source.Length && char.IsSurrogatePair(source[i], source[i + 1]);
                target[i] = !pair && char.IsSurrogate(source[i]) ? '\uFFFD' : source[i];
                if (pair)
                    target[i + 1] = source[++i];
            }
        });
    }
}
