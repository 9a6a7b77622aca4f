namespace QuaRot.Checkpoints.Chat;

/// <summary>The control tokens that a chat template may write.</summary>
/// <param name="File">Where they are from.</param>
/// <param name="Bos">bos_token; empty when there is none.</param>
/// <param name="EosToken">eos_token; null when there is none.</param>
internal sealed record ChatTokens(string File, string Bos, string? EosToken)
{
    /// <summary>eos_token, for a template that needs it.</summary>
    /// <exception cref="CheckpointException">There is none.</exception>
    public string Eos(string template) =>
        EosToken ?? throw new CheckpointException(File, $"eos_token is missing, which the chat template {template} ends its messages with");
}
