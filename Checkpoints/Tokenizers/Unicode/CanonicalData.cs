using System.Globalization;

namespace QuaRot.Checkpoints.Tokenizers.Unicode;

/// <summary>Canonical combining classes, decompositions and compositions (UAX #15), from the table beside this file.</summary>
internal sealed class CanonicalData
{
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, (int First, int Second)> _decompositions = [];
    private readonly Dictionary<(int First, int Second), int> _compositions = [];
    private readonly HashSet<int> _unstable = [];
    private readonly bool[] _unstableBasic = new bool[0x10000];

    private CanonicalData()
    {
        using var stream = typeof(CanonicalData).Assembly.GetManifestResourceStream("canonical.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
                continue;
            foreach (string item in line.Split(' '))
                Add(item);
        }

        foreach (int cp in _unstable.Where(cp => cp < 0x10000))
            _unstableBasic[cp] = true;
        // Vowels and final consonants of Hangul may join the syllable before them.
        Array.Fill(_unstableBasic, true, Hangul.VowelBase, Hangul.VowelCount);
        Array.Fill(_unstableBasic, true, Hangul.FinalBase + 1, Hangul.FinalCount - 1);
    }

    /// <summary>The one instance, read on first use.</summary>
    public static CanonicalData Instance { get; } = new();

    /// <summary>0 for a starter.</summary>
    public byte ClassOf(int codePoint) => _classes.GetValueOrDefault(codePoint);

    /// <summary>The one or two code points that a code point decomposes to; Second is 0 where there is but one.</summary>
    public bool TryDecompose(int codePoint, out (int First, int Second) parts) => _decompositions.TryGetValue(codePoint, out parts);

    /// <summary>The primary composite of two code points.</summary>
    public bool TryCompose(int first, int second, out int composite) => _compositions.TryGetValue((first, second), out composite);

    /// <summary>
    /// The first character at or behind <paramref name="start"/> that NFC may change or join with its neighbours; the text's length when
    /// there is none.
    /// </summary>
    public int NextUnstable(ReadOnlySpan<char> text, int start)
    {
        for (int i = start; i < text.Length; i++)
        {
            if (text[i] >= 0x300 && IsUnstable(text, i))
                return i;
        }

        return text.Length;
    }

    /// <summary>False for a starter that NFC leaves alone whatever stands before it; <paramref name="index"/> is where it begins.</summary>
    public bool IsUnstable(ReadOnlySpan<char> text, int index) => char.IsSurrogate(text[index])
        ? char.IsHighSurrogate(text[index]) && _unstable.Contains(char.ConvertToUtf32(text[index], text[index + 1]))
        : _unstableBasic[text[index]];

    private void Add(string item)
    {
        int equals = item.IndexOf('=');
        if (equals > 0)
        {
            int dash = item.IndexOf('-');
            for (int cp = Hex(item[..dash]); cp <= Hex(item[(dash + 1)..equals]); cp++)
            {
                _classes[cp] = byte.Parse(item.AsSpan(equals + 1), CultureInfo.InvariantCulture);
                _unstable.Add(cp);
            }

            return;
        }

        bool excluded = item[0] == '!';
        int arrow = item.IndexOf('>');
        int composite = Hex(item[(excluded ? 1 : 0)..arrow]);
        string[] parts = item[(arrow + 1)..].Split(',');
        var pair = (Hex(parts[0]), parts.Length > 1 ? Hex(parts[1]) : 0);
        _decompositions.Add(composite, pair);
        if (excluded)
        {
            _unstable.Add(composite);
        }
        else
        {
            _compositions.Add(pair, composite);
            _unstable.Add(pair.Item2);
        }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
