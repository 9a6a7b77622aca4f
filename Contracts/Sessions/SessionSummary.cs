namespace QuaRot.Contracts.Sessions;

/// <summary>A session without its content.</summary>
[GenerateSerializer, Immutable, Alias("quarot.SessionSummary")]
public sealed record SessionSummary(
    [property: Id(0)] string SessionId,
    [property: Id(1)] string Owner,
    [property: Id(2)] DateTimeOffset CreatedAt,
    [property: Id(3)] DateTimeOffset LastUsedAt,
    [property: Id(4)] int Turns,
    [property: Id(5)] int Tokens);
