namespace QuaRot.Contracts.Sessions;

/// <summary>New messages for a session and how to sample the answer.</summary>
[GenerateSerializer, Immutable, Alias("quarot.ChatTurn")]
public sealed record ChatTurn(
    [property: Id(0)] Message[] Messages,
    [property: Id(1)] TurnSampling Sampling);
