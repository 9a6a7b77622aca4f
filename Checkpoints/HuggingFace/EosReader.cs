namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads which tokens end an answer.</summary>
internal static class EosReader
{
    private const string Field = "eos_token_id";

    /// <summary>
    /// The ids of config.json, then those that only generation_config.json beside it has: Llama 3 and Qwen2 list the end of a turn there.
    /// </summary>
    /// <exception cref="CheckpointException">A file is broken, or an id is not in the vocabulary.</exception>
    public static IReadOnlyList<int> Read(JsonFields config, int vocab)
    {
        string generation = Path.Combine(Path.GetDirectoryName(config.File) ?? "", "generation_config.json");
        var more = File.Exists(generation) ? Ids(JsonFields.ReadFile(generation), vocab) : [];
        return [.. Ids(config, vocab).Union(more)];
    }

    /// <summary>A single id, or a list of them.</summary>
    private static int[] Ids(JsonFields json, int vocab)
    {
        if (!json.TryGet(Field, out var value))
            return [];
        return value.ValueKind == System.Text.Json.JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((id, i) => json.ToInt($"{Field}[{i}]", id, 0, vocab - 1))]
            : [json.ToInt(Field, value, 0, vocab - 1)];
    }
}
