namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>No cutting: all of the text is one word.</summary>
internal sealed class WholeText : WordSplitter
{
    /// <inheritdoc/>
    public override int FirstWord(ReadOnlySpan<char> text) => text.Length;
}
