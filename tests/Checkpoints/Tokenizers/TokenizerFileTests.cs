using System.Text.Json.Nodes;
using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Tokenizers;

/// <summary>Variants of the demo checkpoint's tokenizer.json: what must be understood and what must be refused, naming the field.</summary>
public sealed class TokenizerFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly JsonNode _json = JsonNode.Parse(File.ReadAllText(Path.Combine(Assets.Lexi, "tokenizer.json")))!;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Merges_may_be_strings()
    {
        _json["model"]!["merges"] = new JsonArray([.. _json["model"]!["merges"]!.AsArray().Select(m => (JsonNode)$"{m![0]} {m[1]}")]);
        var tokenizer = Load();

        foreach (var (text, ids) in Golden.Tokenizations)
            Assert.Equal(ids, tokenizer.Encode(text));
    }

    [Fact]
    public void What_the_post_processor_puts_first_is_bos_and_without_it_the_config_says()
    {
        Assert.Equal(0, Load().BosTokenId);
        _json["post_processor"] = null;
        _folder.Write("tokenizer_config.json", "{\"bos_token\":\"<|end|>\"}");
        Assert.Equal(1, Load().BosTokenId);
        _folder.Write("tokenizer_config.json", "{\"bos_token\":\"<|end|>\",\"add_bos_token\":false}");
        var tokenizer = Load();
        Assert.Null(tokenizer.BosTokenId);
        Assert.Contains("bos_token", Assert.Throws<InvalidOperationException>(() => tokenizer.Encode("x", addBos: true)).Message);
    }

    [Fact]
    public void Prefix_space_is_put_before_every_stretch_of_text_that_lacks_one()
    {
        var plain = Tokenizer.Load(Assets.Lexi);
        _json["pre_tokenizer"]!["add_prefix_space"] = true;
        var tokenizer = Load();

        Assert.Equal(plain.Encode(" Hello"), tokenizer.Encode("Hello"));
        Assert.Equal(plain.Encode(" Hello"), tokenizer.Encode(" Hello"));
        Assert.Equal(plain.Encode(" a<|end|> \n<|end|> b"), tokenizer.Encode("a<|end|>\n<|end|> b"));
        Assert.Empty(tokenizer.Encode(""));
    }

    [Fact]
    public void Without_regex_words_merge_across_their_borders()
    {
        _json["pre_tokenizer"]!["use_regex"] = false;
        AddToken("a!", 8192, model: true);
        _json["model"]!["merges"]!.AsArray().Insert(0, new JsonArray("a", "!"));

        Assert.Equal(["a!", "a!"], Tokens(Load(), "a!a!"));
    }

    [Fact]
    public void Ignored_merges_let_a_word_be_one_token_but_never_a_special_one()
    {
        _json["model"]!["ignore_merges"] = true;
        _json["pre_tokenizer"]!["use_regex"] = false;
        AddToken("Ġzq", 8192, model: true);
        var tokenizer = Load();

        Assert.Equal([8192], tokenizer.Encode(" zq"));
        Assert.DoesNotContain(tokenizer.Encode("<|end|>", parseSpecial: false), tokenizer.IsSpecial);
    }

    [Fact]
    public void Added_tokens_that_are_not_special_are_found_in_any_text_and_not_skipped()
    {
        AddToken("<think>", 8192, model: false);
        var tokenizer = Load();

        Assert.Equal([76, 8192, 1], tokenizer.Encode("h<think><|end|>"));
        Assert.Equal(8192, tokenizer.Encode("<think>", parseSpecial: false).Single());
        Assert.Equal("<think>", tokenizer.Decode([8192, 1], skipSpecial: true));
    }

    [Fact]
    public void Leftmost_then_longest_added_token_wins()
    {
        AddToken("<x", 8192, model: false);
        AddToken("<x><y>", 8193, model: false);
        AddToken("x><y><z>", 8194, model: false);
        AddToken("ü ", 8195, model: false);
        var tokenizer = Load();

        Assert.Equal([8193, .. tokenizer.Encode("<z>")], tokenizer.Encode("<x><y><z>"));
        Assert.Equal([8192, .. tokenizer.Encode("><")], tokenizer.Encode("<x><"));
        Assert.Equal("ü ", tokenizer.Decode([8195], skipSpecial: true));
    }

    [Fact]
    public void Normalized_tokens_get_what_the_others_left()
    {
        AddToken("a<b", 8192, model: false, normalized: true);
        AddToken("<b>", 8193, model: false);
        var tokenizer = Load();

        Assert.Equal([.. tokenizer.Encode("a"), 8193], tokenizer.Encode("a<b>"));
        Assert.Equal([8192], tokenizer.Encode("a<b"));
    }

    [Fact]
    public void Ids_may_have_holes()
    {
        AddToken("<far>", 9000, model: false);
        var tokenizer = Load();

        Assert.Equal(9001, tokenizer.VocabSize);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.TokenOf(8500));
    }

    [Theory]
    [InlineData("model.merges", null, "model.merges is missing")]
    [InlineData("model.merges", "[]", "model.merges is empty")]
    [InlineData("model.merges", "[[\"a\"]]", "model.merges[0] is not a pair")]
    [InlineData("model.merges", "[\"abc\"]", "model.merges[0] is not a pair")]
    [InlineData("model.merges", "[[\"a\",7]]", "model.merges[0] is not a pair")]
    [InlineData("model.merges", "[\"a b c\"]", "model.merges[0] is not a pair")]
    [InlineData("model.merges", "[\"h e\",\"q zqx\"]", "model.merges[1] needs the token 'zqx'")]
    [InlineData("model.merges", "[\"q z\"]", "model.merges[0] needs the token 'qz'")]
    [InlineData("model.vocab", null, "model.vocab is missing")]
    [InlineData("model.vocab", "{\"a\":0}", "model.vocab has no token")]
    [InlineData("model.vocab", "{\"a\":-1}", "model.vocab.'a' is -1")]
    [InlineData("model.vocab", "{\"a\":2000000000}", "model.vocab.'a' is 2000000000")]
    [InlineData("model.vocab", "{\"a\":0,\"b\":0}", "model.vocab.'b' has id 0, as 'a' has")]
    [InlineData("model.vocab", "{\"a\":0,\"a\":1}", "model.vocab.'a' appears twice")]
    [InlineData("model.type", "\"Unigram\"", "model.type is Unigram")]
    [InlineData("model.dropout", "0.1", "model.dropout is set")]
    [InlineData("model.byte_fallback", "true", "model.vocab has no token '<0x00>' for the byte 0x00; this is no BPE with byte fallback")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix is set")]
    [InlineData("model", null, "model is missing")]
    [InlineData("normalizer", "{\"type\":\"NFKC\"}", "normalizer.type is NFKC, which is not supported here")]
    [InlineData("normalizer", "{\"type\":\"Prepend\",\"prepend\":\"x\"}", "normalizer.prepend is 'x'")]
    [InlineData("normalizer", "{\"type\":\"Sequence\",\"normalizers\":7}", "normalizer.normalizers is not a list")]
    [InlineData("post_processor", "{\"type\":\"BertProcessing\"}", "post_processor.type is BertProcessing")]
    [InlineData("post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{}},{\"SpecialToken\":{}}]}", "single[1] is not supported")]
    [InlineData("pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"x+\"},\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}", "pre_tokenizer.pretokenizers[0].pattern.Regex is x+")]
    [InlineData("pre_tokenizer", null, "pre_tokenizer is missing")]
    [InlineData("pre_tokenizer", "{\"type\":\"Metaspace\"}", "pre_tokenizer.type is Metaspace")]
    [InlineData("pre_tokenizer", "{}", "pre_tokenizer.type is missing")]
    [InlineData("decoder", "{\"type\":\"WordPiece\"}", "decoder.type is WordPiece")]
    [InlineData("added_tokens", "{}", "added_tokens is not a list")]
    [InlineData("added_tokens", "[{\"id\":5,\"content\":\"<|end|>\"}]", "[0].id is 5, but model.vocab gives '<|end|>' the id 1")]
    [InlineData("added_tokens", "[{\"id\":5,\"content\":\"<new>\"}]", "added_tokens[0].id is 5, which '!' has")]
    [InlineData("added_tokens", "[{\"id\":9000,\"content\":\"\"}]", "added_tokens[0].content is empty")]
    [InlineData("added_tokens", "[{\"content\":\"x\"}]", "added_tokens[0].id is missing")]
    public void Unsupported_or_broken_part_is_named(string field, string? value, string fault)
    {
        // Replaced in the text and not in the tree, as a tree cannot hold the same name twice.
        string[] path = field.Split('.');
        var parent = path.Length == 1 ? _json : _json[path[0]]!;
        parent[path[^1]] = "PLACEHOLDER";
        _folder.Write("tokenizer.json", _json.ToJsonString().Replace("\"PLACEHOLDER\"", value ?? "null"));

        Refused("tokenizer.json", fault);
    }

    [Theory]
    [InlineData("{\"bos_token\":\"<nope>\"}", "bos_token is '<nope>', which is not in tokenizer.json")]
    [InlineData("{\"bos_token\":7}", "bos_token is 7, not a string")]
    [InlineData("{\"bos_token\":{}}", "bos_token.content is missing")]
    [InlineData("[", "cannot be read")]
    public void Wrong_tokenizer_config(string text, string fault)
    {
        _folder.Write("tokenizer.json", _json.ToJsonString());
        _folder.Write("tokenizer_config.json", text);

        Refused("tokenizer_config.json", fault);
    }

    [Fact]
    public void Bos_may_be_an_object()
    {
        _folder.Write("tokenizer_config.json", "{\"bos_token\":{\"content\":\"<|begin|>\"}}");

        Assert.Equal(0, Load().BosTokenId);
    }

    [Fact]
    public void Missing_file_is_named() => Refused("tokenizer.json", "cannot be read");

    [Fact]
    public void Invalid_text_is_refused()
    {
        _folder.Write("tokenizer.json", _json.ToJsonString().Replace("\"normalizer\":null", "\"normalizer\":{\"type\":\"\\ud800\"}"));

        Refused("tokenizer.json", "not valid");
    }

    private Tokenizer Load()
    {
        _folder.Write("tokenizer.json", _json.ToJsonString());
        return Tokenizer.Load(_folder.Path);
    }

    private void AddToken(string content, int id, bool model, bool normalized = false)
    {
        if (model)
        {
            _json["model"]!["vocab"]![content] = id;
            return;
        }

        _json["added_tokens"]!.AsArray().Add(
            new JsonObject { ["id"] = id, ["content"] = content, ["special"] = false, ["normalized"] = normalized });
    }

    private void Refused(string file, string fault)
    {
        var error = Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder.Path));
        Assert.Equal(_folder.File(file), error.File);
        Assert.Contains(fault, error.Message);
    }

    private static string[] Tokens(Tokenizer tokenizer, string text) => [.. tokenizer.Encode(text).Select(tokenizer.TokenOf)];
}
