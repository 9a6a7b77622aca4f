using System.Text.Json;
using QuaRot.Checkpoints.HuggingFace;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>What is used of tokenizer_config.json.</summary>
/// <param name="Path">The file.</param>
/// <param name="BosToken">Text of the token that begins every text, or null.</param>
/// <param name="EosToken">Text of the token that ends every text, or null.</param>
/// <param name="AddsBos">False when texts begin without <paramref name="BosToken"/>.</param>
/// <param name="ChatTemplate">The chat template, where it is not in a file of its own; or null.</param>
internal sealed record TokenizerConfigFile(string Path, string? BosToken, string? EosToken, bool AddsBos, string? ChatTemplate)
{
    /// <summary>Reads the file of a checkpoint folder; null when there is none.</summary>
    /// <exception cref="CheckpointException">The file is broken.</exception>
    public static TokenizerConfigFile? Read(string folder)
    {
        string path = System.IO.Path.Combine(folder, "tokenizer_config.json");
        if (!File.Exists(path))
            return null;
        var json = JsonFields.ReadFile(path);
        return new TokenizerConfigFile(
            path, ReadToken(json, "bos_token"), ReadToken(json, "eos_token"), json.OptionalBool("add_bos_token") ?? true, ReadTemplate(json));
    }

    // Older files spell a token out as an object.
    private static string? ReadToken(JsonFields json, string field) =>
        json.TryGet(field, out var value) && value.ValueKind == JsonValueKind.Object
            ? json.Nested(field, value).String("content")
            : json.OptionalString(field);

    // Either one template, or a list of named ones, of which 'default' is the one for plain chats.
    private static string? ReadTemplate(JsonFields json)
    {
        const string Field = "chat_template";
        if (!json.TryGet(Field, out var value) || value.ValueKind != JsonValueKind.Array)
            return json.OptionalString(Field);
        var named = value.EnumerateArray().Select((entry, i) => json.Nested($"{Field}[{i}]", entry)).ToArray();
        return (named.FirstOrDefault(n => n.String("name") == "default")
            ?? throw json.Fault(Field, "has no template named default")).String("template");
    }
}
