using System.Text;

namespace QuaRot.Engine.Turns;

/// <summary>Makes the text of an answer: decodes ids, cuts at the first stop string, and holds back what might become one.</summary>
/// <remarks>
/// Where stop strings overlap, the match that is complete first wins; of those complete at one character, the one that starts first.
/// </remarks>
/// <param name="decoder">Decodes this answer alone.</param>
/// <param name="stopStrings">Texts that end the answer; none is empty.</param>
public sealed class TurnDecoder(ITokenDecoder decoder, IReadOnlyList<string> stopStrings)
{
    // Text that is decoded but not yet given out: always shorter than the longest stop string between calls.
    private readonly StringBuilder _held = new();
    private bool _flushed;

    /// <summary>A stop string is complete; nothing more will come.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Takes the next id of the answer; returns the text that is certain now.</summary>
    /// <exception cref="InvalidOperationException">The answer has ended.</exception>
    public string Push(int tokenId)
    {
        if (IsStopped || _flushed)
        {
            throw new InvalidOperationException("The answer has ended; a new answer needs a new TurnDecoder.");
        }

        return Take(decoder.Push(tokenId), atEnd: false);
    }

    /// <summary>Ends the answer; returns what was held back, cut if the last bytes complete a stop string.</summary>
    public string Flush()
    {
        if (IsStopped || _flushed)
        {
            return "";
        }

        _flushed = true;
        return Take(decoder.Flush(), atEnd: true);
    }

    private string Take(string text, bool atEnd)
    {
        foreach (char c in text)
        {
            _held.Append(c);
            int cut = CompleteMatchStart();
            if (cut >= 0)
            {
                IsStopped = true;
                return Give(cut);
            }
        }

        return Give(atEnd ? _held.Length : _held.Length - LongestOpenMatch());
    }

    private string Give(int length)
    {
        string text = _held.ToString(0, length);
        _held.Remove(0, length);
        return text;
    }

    /// <summary>Start of the longest stop string that ends at the last character, or -1.</summary>
    private int CompleteMatchStart()
    {
        int longest = 0;
        foreach (string stop in stopStrings)
        {
            if (stop.Length > longest && EndsWith(stop, stop.Length))
            {
                longest = stop.Length;
            }
        }

        return longest == 0 ? -1 : _held.Length - longest;
    }

    /// <summary>Length of the longest end of the held text that is a proper beginning of a stop string.</summary>
    private int LongestOpenMatch()
    {
        int longest = 0;
        foreach (string stop in stopStrings)
        {
            for (int length = Math.Min(stop.Length - 1, _held.Length); length > longest; length--)
            {
                if (EndsWith(stop, length))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }

    private bool EndsWith(string stop, int length)
    {
        int offset = _held.Length - length;
        if (offset < 0)
        {
            return false;
        }

        for (int i = 0; i < length; i++)
        {
            if (_held[offset + i] != stop[i])
            {
                return false;
            }
        }

        return true;
    }
}
