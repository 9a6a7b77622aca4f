using System.Buffers;
using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Finds added tokens in text: the leftmost, and of those that start there the longest, as Hugging Face tokenizers does.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Node _root = new();
    private readonly SearchValues<char> _firstChars;

    /// <summary>Creates it for some tokens, searched for by the given text, which is their content or what a normalizer made of it.</summary>
    public AddedTokenMatcher(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        foreach (var (text, token) in tokens)
        {
            var node = _root;
            foreach (char c in text)
            {
                if (!node.Children.TryGetValue(c, out var child))
                    node.Children.Add(c, child = new Node());
                node = child;
            }

            node.Token = token;
        }

        _firstChars = SearchValues.Create([.. _root.Children.Keys]);
    }

    /// <summary>The first token that lies in [start, end) of the text, a special one only where the text is trusted.</summary>
    /// <returns>
    /// Null when there is none; otherwise the token and the stretch that it takes, with the white space that it swallows.
    /// </returns>
    public Match? Find(TrustedText text, int start, int end)
    {
        for (int position = start; position < end; position++)
        {
            int skip = text.Text.AsSpan(position, end - position).IndexOfAny(_firstChars);
            if (skip < 0)
                return null;
            position += skip;
            if (LongestAt(text, position, end) is var (token, length))
                return Stretch(text.Text, token, start, position, position + length, end);
        }

        return null;
    }

    private static Match Stretch(string text, AddedToken token, int start, int from, int to, int end)
    {
        while (token.StripLeft && from > start && char.IsWhiteSpace(text[from - 1]))
            from--;
        while (token.StripRight && to < end && char.IsWhiteSpace(text[to]))
            to++;
        return new Match(token, from, to);
    }

    private (AddedToken Token, int Length)? LongestAt(TrustedText text, int start, int end)
    {
        (AddedToken Token, int Length)? longest = null;
        var node = _root;
        for (int i = start; i < end && node.Children.TryGetValue(text.Text[i], out var child); i++)
        {
            node = child;
            if (node.Token is { } found && (!found.Special || text.IsTrusted(start, i + 1))
                && (!found.SingleWord || StandsAlone(text.Text, start, i + 1, end)))
                longest = (found, i + 1 - start);
        }

        return longest;
    }

    private static bool StandsAlone(string text, int from, int to, int end)
    {
        bool before = from > 0 && Rune.DecodeLastFromUtf16(text.AsSpan(0, from), out var left, out _) == OperationStatus.Done
            && CharacterKinds.IsWord(left);
        bool after = to < end && Rune.DecodeFromUtf16(text.AsSpan(to), out var right, out _) == OperationStatus.Done
            && CharacterKinds.IsWord(right);
        return !before && !after;
    }

    /// <summary>A token that was found, and the stretch [Start, End) of the text that it takes.</summary>
    internal readonly record struct Match(AddedToken Token, int Start, int End);

    private sealed class Node
    {
        public Dictionary<char, Node> Children { get; } = [];

        public AddedToken? Token { get; set; }
    }
}
