using QuaRot.Engine.Turns;

namespace QuaRot.Engine.Tests.Fakes;

/// <summary>Token 0 is 'a', 1 is 'b' and so on; token 100 is half a character, which the next token completes.</summary>
internal sealed class LetterDecoder : ITokenDecoder
{
    public const int Half = 100;

    private bool _half;

    public static int[] Ids(string text) => [.. text.Select(c => c == '~' ? Half : c - 'a')];

    public string Push(int tokenId)
    {
        if (tokenId == Half)
        {
            _half = true;
            return "";
        }

        string text = (_half ? "é" : "") + (char)('a' + tokenId);
        _half = false;
        return text;
    }

    public string Flush()
    {
        string text = _half ? "\uFFFD" : "";
        _half = false;
        return text;
    }
}
