using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace QuaRot.Checkpoints.Tests.Tokenizers;

/// <summary>
/// The demo tokenizer written as plainly as possible, without added tokens: GPT-2's pattern as a regular expression, and a quadratic merge
/// loop.
/// </summary>
internal sealed class ReferenceBpe
{
    private static readonly Regex s_pattern = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");
    private readonly Dictionary<string, int> _vocab;
    private readonly Dictionary<(string, string), int> _ranks = [];

    public ReferenceBpe()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Assets.Lexi, "tokenizer.json")));
        var model = json.RootElement.GetProperty("model");
        _vocab = model.GetProperty("vocab").EnumerateObject().ToDictionary(e => e.Name, e => e.Value.GetInt32());
        foreach (var pair in model.GetProperty("merges").EnumerateArray())
            _ranks.Add((pair[0].GetString()!, pair[1].GetString()!), _ranks.Count);
    }

    public int[] Encode(string text) => [.. Words(text).SelectMany(Merge).Select(token => _vocab[token])];

    /// <summary>
    /// The pattern's matches; characters outside the basic plane are replaced by others of their kind, as .NET matches UTF-16 units.
    /// </summary>
    public static List<string> Words(string text)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        string shadow = string.Concat(runes.Select(
            r => r.IsBmp ? (char)r.Value : Rune.IsLetter(r) ? 'x' : Rune.IsNumber(r) ? '7' : '\u2603'));
        return [.. s_pattern.Matches(shadow).Select(m => string.Concat(runes[m.Index..(m.Index + m.Length)].Select(r => r.ToString())))];
    }

    private List<string> Merge(string word)
    {
        List<string> symbols = [.. Encoding.UTF8.GetBytes(word).Select(Symbol)];
        while (true)
        {
            int best = -1;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                if (Rank(i) < (best < 0 ? int.MaxValue : Rank(best)))
                    best = i;
            }

            if (best < 0)
                return symbols;
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }

        int Rank(int i) => _ranks.GetValueOrDefault((symbols[i], symbols[i + 1]), int.MaxValue);
    }

    private static string Symbol(byte value)
    {
        static bool Printable(int b) => b is (> 32 and < 127) or (> 160 and < 173) or > 173;
        return ((char)(Printable(value) ? value : 256 + Enumerable.Range(0, value).Count(b => !Printable(b)))).ToString();
    }
}
