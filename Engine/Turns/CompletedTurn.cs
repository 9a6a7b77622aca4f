namespace QuaRot.Engine.Turns;

/// <summary>A turn that has ended.</summary>
public sealed record CompletedTurn
{
    /// <summary>Index into the history of the prompt's first token.</summary>
    public required int PromptStart { get; init; }

    /// <summary>Index into the history of the answer's first token.</summary>
    public required int AnswerStart { get; init; }

    /// <summary>Index into the history after the answer's last token.</summary>
    public required int End { get; init; }

    /// <summary>Why it ended.</summary>
    public required FinishReason FinishReason { get; init; }

    /// <summary>What the answer depended on: seed, sampling, limits.</summary>
    public required TurnSettings Settings { get; init; }
}
