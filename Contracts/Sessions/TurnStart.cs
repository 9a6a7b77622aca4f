namespace QuaRot.Contracts.Sessions;

/// <summary>What is known before the first token.</summary>
[GenerateSerializer, Immutable, Alias("quarot.TurnStart")]
public sealed record TurnStart(
    [property: Id(0)] ulong Seed,
    [property: Id(1)] int PromptTokens,
    [property: Id(2)] string NumericsId,
    [property: Id(3)] int Turn);
