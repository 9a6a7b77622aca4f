using System.Text;
using System.Text.Json.Nodes;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Chat;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Fuzz.Tests.Mutations;

namespace QuaRot.Fuzz.Tests.Targets;

/// <summary>A damaged tokenizer gives a CheckpointException, or one that encodes and decodes any text without a crash.</summary>
public sealed class TokenizerTests : IDisposable
{
    private const string Text = "Hello  world, 123 it's\r\n\ta <s> e\u0301 \ud83d\ude00\ud83c\uddeb\ud83c\uddf7 \u4f60\u597d \ud800 \0 end";
    private readonly string _folder = Directory.CreateTempSubdirectory("quarot-fuzz-").FullName;

    [Fact]
    public void TokenizerFiles()
    {
        byte[][] seeds = [Encoding.UTF8.GetBytes(ByteLevel().ToJsonString()), Encoding.UTF8.GetBytes(SentencePiece().ToJsonString())];
        FuzzRun.Run("tokenizer", FuzzRun.Cases, random => JsonMutator.Mutate(seeds[random.Next(2)], random), Tokenize);
    }

    [Fact]
    public void TokenizerConfigs()
    {
        var seed = """
            {"bos_token":{"content":"<s>","special":true},"eos_token":"</s>","add_bos_token":true,"chat_template":"{{ messages }}",
             "model_max_length":1e30,"tokenizer_class":"LlamaTokenizer"}
            """u8.ToArray();
        FuzzRun.Run("tokenizer-config", FuzzRun.Cases / 4, random => JsonMutator.Mutate(seed, random), TokenizerConfig);
    }

    [Theory]
    [MemberData(nameof(Regressions.Of), "tokenizer", MemberType = typeof(Regressions))]
    public void TokenizerRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), Tokenize);

    [Theory]
    [MemberData(nameof(Regressions.Of), "tokenizer-config", MemberType = typeof(Regressions))]
    public void TokenizerConfigRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), TokenizerConfig);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Tokenize(byte[] bytes)
    {
        File.WriteAllBytes(Path.Combine(_folder, "tokenizer.json"), bytes);
        Tokenizer tokenizer;
        try
        {
            tokenizer = Tokenizer.Load(_folder);
        }
        catch (CheckpointException)
        {
            // What a broken file must give.
            return;
        }

        foreach (var special in new[] { false, true })
            tokenizer.Decode(tokenizer.Encode(Text, special && tokenizer.BosTokenId is not null, special), special);
    }

    private void TokenizerConfig(byte[] bytes)
    {
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), ByteLevel().ToJsonString());
        File.WriteAllBytes(Path.Combine(_folder, "tokenizer_config.json"), bytes);
        try
        {
            Tokenizer.Load(_folder);
            ChatTemplate.Load(_folder);
        }
        catch (CheckpointException)
        {
            // What a broken file must give.
        }
    }

    private static JsonObject ByteLevel()
    {
        var vocab = new JsonObject { ["<s>"] = 0, ["</s>"] = 1 };
        foreach (var c in "!\"#$%&'()*+,-./0123456789:;<=>?@ABCHWabcdehlortuw\u0120\u010a\u0109\u00c3\u00a9")
            vocab[c.ToString()] = vocab.Count;
        foreach (var merged in new[] { "He", "ll", "Hell", "Hello", "\u0120w", "or", "\u0120wor", "ld", "\u0120world" })
            vocab[merged] = vocab.Count;
        return Whole(vocab, ["H e", "l l", "He ll", "Hell o", "\u0120 w", "o r", "\u0120w or", "l d", "\u0120wor ld"], new JsonObject
        {
            ["pre_tokenizer"] = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"""),
            ["decoder"] = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"""),
            ["normalizer"] = null,
        }, byteFallback: false);
    }

    private static JsonObject SentencePiece()
    {
        var vocab = new JsonObject { ["<unk>"] = 0, ["<s>"] = 1, ["</s>"] = 2 };
        for (var b = 0; b < 256; b++)
            vocab[$"<0x{b:X2}>"] = vocab.Count;
        foreach (var piece in "\u2581Helowrd123,")
            vocab[piece.ToString()] = vocab.Count;
        foreach (var merged in new[] { "\u2581H", "el", "lo", "\u2581Hel", "\u2581Hello" })
            vocab[merged] = vocab.Count;
        return Whole(vocab, ["\u2581 H", "e l", "l o", "\u2581H el", "\u2581Hel lo"], new JsonObject
        {
            ["normalizer"] = JsonNode.Parse("""
                {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},{"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]}
                """),
            ["pre_tokenizer"] = null,
            ["decoder"] = JsonNode.Parse("""
                {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
                 {"type":"Strip","content":" ","start":1,"stop":0}]}
                """),
        }, byteFallback: true);
    }

    private static JsonObject Whole(JsonObject vocab, string[] merges, JsonObject parts, bool byteFallback)
    {
        var first = vocab.First(entry => entry.Key == "<s>");
        parts["version"] = "1.0";
        parts["added_tokens"] = JsonNode.Parse($$"""
            [{"id":{{first.Value}},"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]
            """);
        parts["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["unk_token"] = byteFallback ? "<unk>" : null,
            ["fuse_unk"] = byteFallback,
            ["byte_fallback"] = byteFallback,
            ["ignore_merges"] = false,
            ["vocab"] = vocab,
            ["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)m)]),
        };
        return parts;
    }
}
