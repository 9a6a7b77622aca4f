using QuaRot.Contracts.Sessions;
using QuaRot.Engine.Turns;

namespace QuaRot.Grains.Sessions;

/// <summary>What is stored of a session.</summary>
public sealed class SessionRecord
{
    /// <summary>Whose session it is (<see cref="SessionOwner"/>); empty without API keys.</summary>
    public string Owner { get; set; } = "";

    /// <summary>When it was created.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When its last turn began.</summary>
    public DateTimeOffset LastUsedAt { get; set; }

    /// <summary>The messages of completed turns, as the client sent and saw them.</summary>
    public List<Message> Messages { get; set; } = [];

    /// <summary>The history as token ids, with its turns.</summary>
    public SessionState History { get; set; } = new();
}
