namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Cuts before every run of the character that stands for a blank, so a run stays with the word that it leads.</summary>
/// <remarks>
/// SentencePiece-style BPE merges over the whole text. Where no merge makes a token with the blank behind another character, no merge can
/// cross these cuts, and the pieces merged one by one give the same ids: <see cref="Allows"/>. That makes words of the text, which a cache
/// can hold.
/// </remarks>
internal sealed class BlankSplitter : WordSplitter
{
    /// <summary>U+2581, which SentencePiece writes for a blank.</summary>
    public const char Blank = '\u2581';

    /// <summary>True when cutting changes no ids of a model whose merges make these tokens.</summary>
    public static bool Allows(IEnumerable<string> mergedTokens) =>
        mergedTokens.All(token => token.AsSpan().TrimStart(Blank).IndexOf(Blank) < 0);

    /// <inheritdoc/>
    public override int FirstWord(ReadOnlySpan<char> text)
    {
        int word = text.IndexOfAnyExcept(Blank);
        if (word < 0)
            return text.Length;
        int next = text[word..].IndexOf(Blank);
        return next < 0 ? text.Length : word + next;
    }
}
