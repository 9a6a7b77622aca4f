namespace QuaRot.Contracts.Sessions;

/// <summary>A prompt as token ids and how to sample its continuation.</summary>
[GenerateSerializer, Immutable, Alias("quarot.GenerateTurn")]
public sealed record GenerateTurn(
    [property: Id(0)] int[] PromptTokens,
    [property: Id(1)] TurnSampling Sampling);
