using System.Text.Json;
using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Synthesis;

/// <summary>
/// A byte-level BPE tokenizer of any vocabulary size with a chat template: every id means something, and every text can be encoded.
/// </summary>
/// <remarks>Ids: four control tokens, the 256 bytes, then groups of 2, 3 and 4 small letters up to the size of the vocabulary.</remarks>
internal static class SyntheticTokenizer
{
    /// <summary>Id of the token that begins every text.</summary>
    public const int Begin = 0;

    /// <summary>Id of the token that ends a message.</summary>
    public const int End = 1;

    /// <summary>The smallest vocabulary: the control tokens, the bytes and one merge.</summary>
    public const int FewestTokens = 4 + 256 + 1;

    private const string Template =
        "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

    private static readonly string[] Control = ["<|begin|>", "<|end|>", "<|user|>", "<|assistant|>"];

    /// <summary>Writes tokenizer.json, tokenizer_config.json and chat_template.jinja.</summary>
    /// <exception cref="ArgumentException">The vocabulary is too small or too large for such a tokenizer.</exception>
    public static void Write(string folder, int vocab)
    {
        (string Left, string Right)[] merges = [.. Merges().Take(vocab - FewestTokens + 1)];
        if (vocab < FewestTokens || merges.Length + FewestTokens - 1 < vocab)
        {
            throw new ArgumentException($"vocab_size {vocab}: the tokenizer of a random checkpoint has {FewestTokens} tokens or more, up to 475488");
        }

        using (FileStream stream = File.Create(Path.Combine(folder, "tokenizer.json")))
        using (var json = new Utf8JsonWriter(stream))
        {
            WriteTokenizer(json, merges);
        }

        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"),
            JsonSerializer.Serialize(new { bos_token = Control[Begin], eos_token = Control[End] }) + "\n");
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), Template);
    }

    private static void WriteTokenizer(Utf8JsonWriter json, (string Left, string Right)[] merges)
    {
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteStartArray("added_tokens");
        for (int id = 0; id < Control.Length; id++)
        {
            JsonSerializer.Serialize(json, new { id, content = Control[id], normalized = false, special = true });
        }

        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WritePropertyName("pre_tokenizer");
        JsonSerializer.Serialize(json, new { type = "ByteLevel", add_prefix_space = false, use_regex = true });
        json.WritePropertyName("decoder");
        JsonSerializer.Serialize(json, new { type = "ByteLevel" });
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteStartObject("vocab");
        int next = 0;
        IEnumerable<string> bytes = Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToChar((byte)b).ToString());
        foreach (string token in Control.Concat(bytes).Concat(merges.Select(merge => merge.Left + merge.Right)))
        {
            json.WriteNumber(token, next++);
        }

        json.WriteEndObject();
        json.WritePropertyName("merges");
        JsonSerializer.Serialize(json, merges.Select(merge => new[] { merge.Left, merge.Right }));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>What each further token is put together from; both parts are tokens before it.</summary>
    private static IEnumerable<(string Left, string Right)> Merges()
    {
        string[] letters = [.. Enumerable.Range('a', 26).Select(c => ((char)c).ToString())];
        string[] pairs = [.. letters.SelectMany(_ => letters, (left, right) => left + right)];
        return letters.SelectMany(_ => letters, (left, right) => (left, right))
            .Concat(pairs.SelectMany(_ => letters, (left, right) => (left, right)))
            .Concat(pairs.SelectMany(_ => pairs, (left, right) => (left, right)));
    }
}
