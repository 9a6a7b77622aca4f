using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>Finds the text of a checkpoint's chat template, and the tokens that it may write.</summary>
internal static class ChatTemplateFile
{
    /// <summary>The control tokens of tokenizer_config.json.</summary>
    /// <exception cref="CheckpointException">The file is broken.</exception>
    public static ChatTokens ReadTokens(string folder)
    {
        var config = TokenizerConfigFile.Read(folder);
        return new ChatTokens(Path.Combine(folder, "tokenizer_config.json"), config?.BosToken ?? "", config?.EosToken);
    }

    /// <summary>The file that holds the template, and the template.</summary>
    /// <exception cref="CheckpointException">There is no template or it cannot be read.</exception>
    public static (string File, string Text) Read(string folder)
    {
        string jinja = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(jinja))
            return (jinja, ReadText(jinja));
        if (TokenizerConfigFile.Read(folder) is { ChatTemplate: { } text } config)
            return (config.Path, text);
        throw new CheckpointException(
            folder, "has no chat template: neither chat_template.jinja nor chat_template in tokenizer_config.json; "
            + ChatTemplate.HowToChoose);
    }

    private static string ReadText(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(file, $"cannot be read: {e.Message}", e);
        }
    }
}
