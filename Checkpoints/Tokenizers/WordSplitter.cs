namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Cuts text into the words that BPE merges within.</summary>
internal abstract class WordSplitter
{
    /// <summary>Length in UTF-16 units of the first word of <paramref name="text"/>, which must be well-formed and not empty.</summary>
    public abstract int FirstWord(ReadOnlySpan<char> text);
}
