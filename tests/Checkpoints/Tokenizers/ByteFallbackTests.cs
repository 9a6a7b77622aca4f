using System.Text.Json;
using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Tokenizers;

/// <summary>A tiny SentencePiece-style tokenizer in both forms, and the flags of added tokens.</summary>
public sealed class ByteFallbackTests : IDisposable
{
    private const string Prepend = """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}""";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", new string[0], "")]
    [InlineData("ab", new[] { "▁ab" }, "ab")]
    [InlineData(" ab", new[] { "▁", "▁ab" }, " ab")]
    [InlineData("ab ab", new[] { "▁ab", "▁ab" }, "ab ab")]
    [InlineData("é", new[] { "▁", "<0xC3>", "<0xA9>" }, "é")]
    [InlineData("<s>ab", new[] { "<s>", "▁ab" }, "<s> ab")]
    public void Prepend_form(string text, string[] tokens, string decoded) => Check(Load(Prepend, "null"), text, tokens, decoded);

    [Theory]
    [InlineData("first", "ab<s>ab", new[] { "▁ab", "<s>", "ab" }, "ab<s>ab")]
    [InlineData("always", "ab<s>ab", new[] { "▁ab", "<s>", "▁ab" }, "ab<s> ab")]
    [InlineData("never", "ab ab", new[] { "ab", "▁ab" }, "ab ab")]
    [InlineData("first", " ab", new[] { "▁ab" }, "ab")]
    public void Metaspace_form(string scheme, string text, string[] tokens, string decoded) => Check(Metaspace(scheme), text, tokens, decoded);

    [Fact]
    public void What_continues_a_text_does_not_start_one()
    {
        var tokenizer = Metaspace("first");
        Assert.Equal([tokenizer.IdOf("ab")!.Value], tokenizer.Encode([new("ab", true)], continues: true));
    }

    [Theory]
    [InlineData("a <l> b", new[] { "▁", "a", "<l>", "▁▁", "b" })]
    [InlineData("a <r> b", new[] { "▁", "a", "▁", "<r>", "▁", "b" })]
    [InlineData("a<w>b", new[] { "▁", "a", "<0x3C>", "<0x77>", "<0x3E>", "b" })]
    [InlineData("a<w>", new[] { "▁", "a", "<0x3C>", "<0x77>", "<0x3E>" })]
    [InlineData("-<w>-", new[] { "▁", "<0x2D>", "<w>", "▁", "<0x2D>" })]
    public void Flags_of_added_tokens(string text, string[] tokens)
    {
        var tokenizer = Load(Prepend, "null");
        Assert.Equal(tokens, tokenizer.Encode(text).Select(tokenizer.TokenOf));
    }

    [Fact]
    public void A_merge_across_a_blank_is_still_found()
    {
        var tokenizer = Load("null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":false}""", ["a ▁", "a▁ b"]);
        Assert.Equal(["a▁b"], tokenizer.Encode("a b").Select(tokenizer.TokenOf));
    }

    private Tokenizer Metaspace(string scheme) =>
        Load("null", $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":false}""");

    private Tokenizer Load(string normalizer, string preTokenizer, string[]? merges = null)
    {
        merges ??= ["a b", "▁ ab", "▁ ▁"];
        string[] vocab = ["<s>", .. Enumerable.Range(0, 256).Select(BpeModel.NameOf), "▁", "a", "b", .. merges.Select(m => m.Replace(" ", ""))];
        _folder.Write("tokenizer.json", $$"""
            {"normalizer":{{normalizer}},"pre_tokenizer":{{preTokenizer}},
             "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
               {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
             "added_tokens":[{"id":0,"content":"<s>","special":true},
               {"id":901,"content":"<l>","lstrip":true,"normalized":false},{"id":902,"content":"<r>","rstrip":true,"normalized":false},
               {"id":903,"content":"<w>","single_word":true,"normalized":false}],
             "model":{"type":"BPE","byte_fallback":true,"fuse_unk":true,"unk_token":"<s>",
               "vocab":{{JsonSerializer.Serialize(vocab.Select((t, i) => (t, i)).ToDictionary(e => e.t, e => e.i))}},
               "merges":{{JsonSerializer.Serialize(merges)}} } }
            """);
        return Tokenizer.Load(_folder.Path);
    }

    private static void Check(Tokenizer tokenizer, string text, string[] tokens, string decoded)
    {
        int[] ids = tokenizer.Encode(text);
        Assert.Equal(tokens, ids.Select(tokenizer.TokenOf));
        Assert.Equal(decoded, tokenizer.Decode(ids, skipSpecial: false));
        var stream = new StreamingDecoder(tokenizer, skipSpecial: false);
        Assert.Equal(decoded, string.Concat(ids.Select(stream.Push)) + stream.Flush());
    }
}
