namespace QuaRot.Engine.Turns;

/// <summary>Tokens that a turn took.</summary>
/// <param name="PromptTokens">The whole context before the answer, earlier turns included.</param>
/// <param name="CompletionTokens">Tokens of the answer, its end token included.</param>
public sealed record TurnUsage(int PromptTokens, int CompletionTokens);
