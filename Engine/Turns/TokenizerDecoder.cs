using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Engine.Turns;

/// <summary>Decodes one answer with the model's tokenizer.</summary>
/// <param name="tokenizer">The tokenizer; shared between answers.</param>
/// <param name="skipSpecial">Special tokens give no text.</param>
public sealed class TokenizerDecoder(Tokenizer tokenizer, bool skipSpecial = true) : ITokenDecoder
{
    private readonly StreamingDecoder _decoder = new(tokenizer, skipSpecial);

    /// <inheritdoc/>
    public string Push(int tokenId) => _decoder.Push(tokenId);

    /// <inheritdoc/>
    public string Flush() => _decoder.Flush();
}
