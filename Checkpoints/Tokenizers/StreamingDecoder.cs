using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Turns tokens into text as they come; all pieces together equal <see cref="Tokenizer.Decode"/> of all ids.</summary>
/// <remarks>
/// A character whose bytes are spread over several tokens is held back until it is whole, so no piece ends within one, and U+FFFD comes out
/// only for bytes that nothing can complete any more. Not thread-safe: one instance per stream.
/// </remarks>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecial = true)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private bool _atStart = true;

    /// <summary>Takes the next token and returns the text that is now certain, perhaps none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary; the decoder is unchanged.</exception>
    public string Push(int id)
    {
        var bytes = tokenizer.BytesOf(id);
        if (bytes.IsEmpty || (skipSpecial && tokenizer.IsSpecial(id)))
            return "";
        bool strip = _atStart && tokenizer.StripsFirstBlank && bytes[0] == ' ';
        _atStart = false;
        return Convert(strip ? bytes[1..] : bytes, flush: false);
    }

    /// <summary>Ends the stream: an unfinished character becomes U+FFFD. Afterwards the decoder can take another stream.</summary>
    public string Flush()
    {
        _atStart = true;
        return Convert([], flush: true);
    }

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        // The three bytes that the decoder may hold back add at most as many characters.
        Span<char> chars = bytes.Length <= 128 ? stackalloc char[132] : new char[bytes.Length + 4];
        return new string(chars[.._decoder.GetChars(bytes, chars, flush)]);
    }
}
