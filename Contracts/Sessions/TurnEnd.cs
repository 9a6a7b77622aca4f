namespace QuaRot.Contracts.Sessions;

/// <summary>How an answer ended. <paramref name="Reason"/> has the numbers of FinishReason in quarot.proto.</summary>
[GenerateSerializer, Immutable, Alias("quarot.TurnEnd")]
public sealed record TurnEnd(
    [property: Id(0)] int Reason,
    [property: Id(1)] int PromptTokens,
    [property: Id(2)] int CompletionTokens);
