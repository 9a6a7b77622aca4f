namespace QuaRot.Contracts.Sessions;

/// <summary>A session in its owner's list; numbers grow with creation and are never given twice.</summary>
[GenerateSerializer, Immutable, Alias("quarot.SessionEntry")]
public sealed record SessionEntry(
    [property: Id(0)] long Number,
    [property: Id(1)] string SessionId);
