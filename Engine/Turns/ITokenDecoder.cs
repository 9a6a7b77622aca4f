namespace QuaRot.Engine.Turns;

/// <summary>Turns the ids of one answer into text piece by piece, never splitting a character.</summary>
public interface ITokenDecoder
{
    /// <summary>Takes the next id; returns the text that is certain now, possibly empty.</summary>
    string Push(int tokenId);

    /// <summary>Ends the stream; returns what was held back (bytes of an unfinished character become U+FFFD).</summary>
    string Flush();
}
