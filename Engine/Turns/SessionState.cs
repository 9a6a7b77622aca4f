namespace QuaRot.Engine.Turns;

/// <summary>What is stored of a session: plain data, changed through <see cref="SessionHistory"/> alone.</summary>
public sealed class SessionState
{
    /// <summary>The history as token ids, those of an unfinished answer included; never text tokenized again.</summary>
    public List<int> Tokens { get; set; } = [];

    /// <summary>The turns that have ended, in order.</summary>
    public List<CompletedTurn> Turns { get; set; } = [];

    /// <summary>The turn under way, or null.</summary>
    public PendingTurn? Pending { get; set; }
}
