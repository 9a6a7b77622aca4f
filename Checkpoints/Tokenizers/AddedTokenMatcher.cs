using System.Buffers;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Finds added tokens in text: the leftmost, and of those that start there the longest, as Hugging Face tokenizers does.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Node _root = new();
    private readonly SearchValues<char> _firstChars;

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            var node = _root;
            foreach (char c in token.Content)
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
    /// <returns>Null when there is none; then <paramref name="position"/> is <paramref name="end"/>.</returns>
    public AddedToken? Find(TrustedText text, int start, int end, out int position)
    {
        for (position = start; position < end; position++)
        {
            int skip = text.Text.AsSpan(position, end - position).IndexOfAny(_firstChars);
            if (skip < 0)
                break;
            position += skip;
            if (LongestAt(text, position, end) is { } token)
                return token;
        }

        position = end;
        return null;
    }

    private AddedToken? LongestAt(TrustedText text, int start, int end)
    {
        AddedToken? longest = null;
        var node = _root;
        for (int i = start; i < end && node.Children.TryGetValue(text.Text[i], out var child); i++)
        {
            node = child;
            if (node.Token is { } found && (!found.Special || text.IsTrusted(start, i + 1)))
                longest = found;
        }

        return longest;
    }

    private sealed class Node
    {
        public Dictionary<char, Node> Children { get; } = [];

        public AddedToken? Token { get; set; }
    }
}
