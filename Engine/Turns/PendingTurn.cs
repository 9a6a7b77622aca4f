namespace QuaRot.Engine.Turns;

/// <summary>The turn under way; stored with its seed and prompt before the first token, so that it can go on anywhere.</summary>
public sealed record PendingTurn
{
    /// <summary>Index of the turn in the session, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>Index into the history of the prompt's first token.</summary>
    public required int PromptStart { get; init; }

    /// <summary>Index into the history of the answer's first token.</summary>
    public required int AnswerStart { get; init; }

    /// <summary>What the answer depends on.</summary>
    public required TurnSettings Settings { get; init; }
}
