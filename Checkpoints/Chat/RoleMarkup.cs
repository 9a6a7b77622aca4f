namespace QuaRot.Checkpoints.Chat;

/// <summary>How a template that names the speaker of every message writes one: BeforeRole role AfterRole content End AfterEnd.</summary>
internal sealed record RoleMarkup(string Name, string BeforeRole, string AfterRole, string End, string AfterEnd)
{
    /// <summary>Written before everything else.</summary>
    public string Start { get; init; } = "";

    /// <summary>White space around a message's content is dropped.</summary>
    public bool TrimsContent { get; init; }

    /// <summary>What the system message says where the conversation begins without one; null to write none.</summary>
    public string? DefaultSystem { get; init; }

    /// <summary>Written before the content of a system message that begins the conversation.</summary>
    public string SystemPreamble { get; init; } = "";

    /// <summary>Past answers are written without what they hold up to <c>&lt;/think&gt;</c>, as Qwen3 does.</summary>
    public bool DropsThinking { get; init; }
}
