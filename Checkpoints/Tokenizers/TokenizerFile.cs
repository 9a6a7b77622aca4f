using System.Text.Json;
using QuaRot.Checkpoints.HuggingFace;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>What tokenizer.json and tokenizer_config.json say, checked.</summary>
/// <remarks>
/// <c>truncation</c>, <c>padding</c> and <c>post_processor</c> are not read: they say what Hugging Face adds to or cuts from a finished
/// list of ids, which here is for the caller to decide.
/// </remarks>
internal sealed class TokenizerFile
{
    private TokenizerFile(JsonFields json, string folder)
    {
        if (json.TryGet("normalizer", out var normalizer))
            throw json.Fault("normalizer", $"is {TypeOf(json, "normalizer", normalizer)}, which is not supported; only null is");
        ReadByteLevel(json, "decoder");
        var preTokenizer = ReadByteLevel(json, "pre_tokenizer");
        AddPrefixSpace = preTokenizer.OptionalBool("add_prefix_space") ?? true;
        UseRegex = preTokenizer.OptionalBool("use_regex") ?? true;
        Model = BpeModelReader.Read(json.Object("model"));
        AddedTokens = ReadAddedTokens(json, Model.Vocab);
        Vocabulary = new Vocabulary(Model.Vocab, AddedTokens);
        BosTokenId = ReadBos(folder, Vocabulary);
    }

    public BpeModel Model { get; }

    public IReadOnlyList<AddedToken> AddedTokens { get; }

    public Vocabulary Vocabulary { get; }

    public int? BosTokenId { get; }

    /// <summary>True when a text that does not begin with a blank gets one.</summary>
    public bool AddPrefixSpace { get; }

    /// <summary>True when GPT-2's pattern splits the text into words; false when all of it is one word.</summary>
    public bool UseRegex { get; }

    /// <summary>Reads the files of a folder; tokenizer_config.json may be absent.</summary>
    /// <exception cref="CheckpointException">A file is missing or broken, or asks for something that is not supported.</exception>
    public static TokenizerFile Read(string folder)
    {
        string file = Path.Combine(folder, "tokenizer.json");
        try
        {
            return new TokenizerFile(JsonFields.ReadFile(file), folder);
        }
        catch (InvalidOperationException e)
        {
            // JsonElement throws this for a string that is not valid Unicode, when the string is read.
            throw new CheckpointException(file, $"holds text that is not valid: {e.Message}", e);
        }
    }

    private static JsonFields ReadByteLevel(JsonFields json, string field)
    {
        var part = json.Get(field);
        string type = TypeOf(json, field, part);
        return type == "ByteLevel"
            ? json.Nested(field, part)
            : throw json.Fault($"{field}.type", $"is {type}, which is not supported; only ByteLevel is");
    }

    private static string TypeOf(JsonFields json, string field, JsonElement part) => json.Nested(field, part).String("type");

    private static List<AddedToken> ReadAddedTokens(JsonFields json, IReadOnlyDictionary<string, int> vocab)
    {
        var tokens = new List<AddedToken>();
        if (!json.TryGet("added_tokens", out var list))
            return tokens;
        if (list.ValueKind != JsonValueKind.Array)
            throw json.Fault("added_tokens", "is not a list");
        var tokenOfId = vocab.ToDictionary(entry => entry.Value, entry => entry.Key);
        foreach (var entry in list.EnumerateArray())
        {
            var token = ReadAddedToken(json.Nested($"added_tokens[{tokens.Count}]", entry));
            if (vocab.TryGetValue(token.Content, out int id) && id != token.Id)
                throw json.Fault($"added_tokens[{tokens.Count}].id", $"is {token.Id}, but model.vocab gives '{token.Content}' the id {id}");
            if (!tokenOfId.TryAdd(token.Id, token.Content) && tokenOfId[token.Id] != token.Content)
                throw json.Fault($"added_tokens[{tokens.Count}].id", $"is {token.Id}, which '{tokenOfId[token.Id]}' has");
            tokens.Add(token);
        }

        return tokens;
    }

    private static AddedToken ReadAddedToken(JsonFields json)
    {
        string content = json.String("content");
        if (content.Length == 0)
            throw json.Fault("content", "is empty");
        foreach (string option in (string[])["single_word", "lstrip", "rstrip"])
        {
            if (json.OptionalBool(option) == true)
                throw json.Fault(option, $"is true for '{content}', which is not supported");
        }

        bool special = json.OptionalBool("special") ?? false;
        return new AddedToken(json.Int("id", 0, BpeModelReader.MaxId), content, special, json.OptionalBool("normalized") ?? !special);
    }

    private static int? ReadBos(string folder, Vocabulary vocabulary)
    {
        var config = TokenizerConfigFile.Read(folder);
        if (config?.BosToken is not { } token)
            return null;
        return vocabulary.IdOf(token)
            ?? throw new CheckpointException(config.Path, $"bos_token is '{token}', which is not in tokenizer.json");
    }
}
