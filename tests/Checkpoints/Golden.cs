using System.Text.Json;

namespace QuaRot.Checkpoints.Tests;

/// <summary>golden.json of the demo checkpoint: what Hugging Face transformers computed.</summary>
internal static class Golden
{
    private static readonly JsonElement s_root =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Assets.Lexi, "golden.json"))).RootElement;

    /// <summary>The tokenizer cases: text and ids.</summary>
    public static IEnumerable<(string Text, int[] Ids)> Tokenizations =>
        s_root.GetProperty("tokenizer").EnumerateArray().Select(c => (c.GetProperty("text").GetString()!, Ids(c, "ids")));

    /// <summary>All generations; those with a chat have messages, the others a prompt.</summary>
    public static IEnumerable<Case> Cases => s_root.GetProperty("cases").EnumerateArray().Select(Read);

    /// <summary>The generations that are chats.</summary>
    public static IEnumerable<Case> Chats => Cases.Where(c => c.Messages.Length > 0);

    private static Case Read(JsonElement json)
    {
        bool chat = json.TryGetProperty("chat", out var messages);
        var spoken = chat ? messages.EnumerateArray() : default;
        return new Case(
            [.. spoken.Select(m => (m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))],
            json.GetProperty(chat ? "rendered" : "prompt").GetString()!,
            Ids(json, "input_ids"),
            Ids(json, "greedy_ids"),
            json.GetProperty("greedy_text").GetString()!);
    }

    private static int[] Ids(JsonElement json, string field) => [.. json.GetProperty(field).EnumerateArray().Select(i => i.GetInt32())];

    /// <summary>One generation.</summary>
    internal sealed record Case((string Role, string Content)[] Messages, string Text, int[] InputIds, int[] GreedyIds, string GreedyText);
}
