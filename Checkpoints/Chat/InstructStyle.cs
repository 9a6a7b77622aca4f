namespace QuaRot.Checkpoints.Chat;

/// <summary>How a template of the <c>[INST]</c> family spaces its marks and where it puts the system prompt.</summary>
internal sealed record InstructStyle(string Name)
{
    /// <summary>bos_token stands before every question, not only before the first.</summary>
    public bool BosEveryTurn { get; init; }

    /// <summary>Written behind a question, up to the answer.</summary>
    public string AfterQuestion { get; init; } = " [/INST]";

    /// <summary>Written before an answer that is part of the conversation; a model that answers writes it by itself.</summary>
    public string BeforeAnswer { get; init; } = "";

    /// <summary>Written between an answer and eos_token; a model that answers does not write it.</summary>
    public string AfterAnswer { get; init; } = "";

    /// <summary>Written behind eos_token.</summary>
    public string AfterEnd { get; init; } = "";

    /// <summary>White space around contents is dropped.</summary>
    public bool TrimsContent { get; init; }

    /// <summary>Written before the system prompt, which goes into a question; null where there can be none.</summary>
    public string? BeforeSystem { get; init; }

    /// <summary>Written between the system prompt and the question.</summary>
    public string AfterSystem { get; init; } = "\n\n";

    /// <summary>The system prompt goes into the last question of the conversation, not into the first.</summary>
    public bool SystemInLastQuestion { get; init; }
}
