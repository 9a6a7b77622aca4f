using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Engine.Turns;

namespace QuaRot.Grains.Sessions;

/// <summary>The tokenizer's streaming decoder as the engine wants it.</summary>
internal sealed class TokenDecoder(Tokenizer tokenizer) : ITokenDecoder
{
    private readonly StreamingDecoder _decoder = new(tokenizer);

    public string Push(int tokenId) => _decoder.Push(tokenId);

    public string Flush() => _decoder.Flush();
}
