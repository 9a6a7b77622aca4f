namespace QuaRot.Contracts.Sessions;

/// <summary>A chat message; <paramref name="Role"/> is one that the chat template knows.</summary>
[GenerateSerializer, Immutable, Alias("quarot.Message")]
public sealed record Message(
    [property: Id(0)] string Role,
    [property: Id(1)] string Content);
