namespace QuaRot.Contracts.Sessions;

/// <summary>A session with its messages.</summary>
[GenerateSerializer, Immutable, Alias("quarot.SessionView")]
public sealed record SessionView(
    [property: Id(0)] SessionSummary Summary,
    [property: Id(1)] Message[] Messages);
