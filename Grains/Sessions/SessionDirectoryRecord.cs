namespace QuaRot.Grains.Sessions;

/// <summary>What is stored for an owner.</summary>
public sealed class SessionDirectoryRecord
{
    /// <summary>Number of the session that was added last.</summary>
    public long LastNumber { get; set; }

    /// <summary>Session ids by their number, in order of creation.</summary>
    public SortedDictionary<long, string> Sessions { get; set; } = [];
}
