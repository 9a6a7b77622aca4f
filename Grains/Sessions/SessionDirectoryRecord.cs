namespace QuaRot.Grains.Sessions;

/// <summary>What is stored for an owner.</summary>
public sealed class SessionDirectoryRecord
{
    /// <summary>Session ids in order of creation.</summary>
    public List<string> SessionIds { get; set; } = [];
}
