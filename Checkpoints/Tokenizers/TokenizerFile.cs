using System.Text.Json;
using QuaRot.Checkpoints.HuggingFace;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>What tokenizer.json and tokenizer_config.json say, checked.</summary>
/// <remarks>
/// <c>truncation</c> and <c>padding</c> are not read: they say what Hugging Face cuts from or adds to a finished list of ids, which here is
/// for the caller to decide.
/// </remarks>
internal sealed class TokenizerFile
{
    private TokenizerFile(JsonFields json, string folder)
    {
        Normalizer = PipelineReader.ReadNormalizer(json);
        Model = BpeModelReader.Read(json.Object("model"));
        PreTokenizer = Model.ByteFallback ? PipelineReader.ReadMetaspace(json, Words(Model)) : PipelineReader.ReadByteLevel(json);
        StripsFirstBlank = PipelineReader.ReadDecoder(json, Model.ByteFallback);
        AddedTokens = ReadAddedTokens(json, Model.Vocab);
        Vocabulary = new Vocabulary(Model, AddedTokens);
        BosTokenId = ReadBos(json, folder);
    }

    public BpeModel Model { get; }

    public IReadOnlyList<AddedToken> AddedTokens { get; }

    public Vocabulary Vocabulary { get; }

    public int? BosTokenId { get; }

    public TextNormalizer Normalizer { get; }

    public PreTokenizer PreTokenizer { get; }

    public bool StripsFirstBlank { get; }

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

    private static WordSplitter Words(BpeModel model)
    {
        var tokenOfId = model.Vocab.ToDictionary(entry => entry.Value, entry => entry.Key);
        return BlankSplitter.Allows(model.Merges.MergedIds.Select(id => tokenOfId[id])) ? new BlankSplitter() : new WholeText();
    }

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
        bool special = json.OptionalBool("special") ?? false;
        return new AddedToken(json.Int("id", 0, BpeModelReader.MaxId), content, special, json.OptionalBool("normalized") ?? !special,
            json.OptionalBool("lstrip") ?? false, json.OptionalBool("rstrip") ?? false, json.OptionalBool("single_word") ?? false);
    }

    private int? ReadBos(JsonFields json, string folder)
    {
        var config = TokenizerConfigFile.Read(folder);
        int? bos = config?.BosToken is not { } token ? null : Vocabulary.IdOf(token)
            ?? throw new CheckpointException(config.Path, $"bos_token is '{token}', which is not in tokenizer.json");
        if (PipelineReader.ReadFirstToken(json) is { } first)
            return Vocabulary.IdOf(first) ?? throw json.Fault("post_processor", $"puts '{first}' first, which is no token");
        return config is { AddsBos: true } ? bos : null;
    }
}
