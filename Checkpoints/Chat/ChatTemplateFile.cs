using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>Finds the text of a checkpoint's chat template.</summary>
internal static class ChatTemplateFile
{
    /// <summary>The file that holds the template, the template, and the bos_token that it may write.</summary>
    /// <exception cref="CheckpointException">There is no template or it cannot be read.</exception>
    public static (string File, string Text, string BosToken) Read(string folder)
    {
        var config = TokenizerConfigFile.Read(folder);
        string bos = config?.BosToken ?? "";
        string jinja = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(jinja))
            return (jinja, ReadText(jinja), bos);
        if (config?.ChatTemplate is { } text)
            return (config.Path, text, bos);
        throw new CheckpointException(
            folder, "has no chat template: neither chat_template.jinja nor chat_template in tokenizer_config.json");
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
