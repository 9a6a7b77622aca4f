using System.Text;
using QuaRot.Checkpoints.Tests.Tokenizers;
using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Foreign;

/// <summary>The published tokenizers of Llama-2, Llama-3 and Qwen3.</summary>
public sealed class PublishedTokenizerTests
{
    [Theory]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    public void Frozen_ids_of_the_Rust_library(string package)
    {
        var tokenizer = Tokenizer.Load(HuggingFaceOracle.Model(package));
        var golden = HuggingFaceOracle.Golden(package);
        Assert.True(golden.Length > 150);
        foreach (var (text, ids) in golden)
            Equal(ids, tokenizer, text);
    }

    [Theory]
    [InlineData("llama2", 51)]
    [InlineData("llama3", 52)]
    [InlineData("qwen3", 53)]
    public async Task Random_texts_equal_the_JavaScript_library_and_come_back(string package, int seed)
    {
        var tokenizer = Tokenizer.Load(HuggingFaceOracle.Model(package));
        var random = new Random(seed);
        // U+0085 and U+FEFF are white space to one of JavaScript and Rust each; the frozen ids, which are Rust's, hold them.
        string[] texts = [.. Enumerable.Range(0, 400)
            .Select(_ => RandomText.Next(random, random.Next(1, 30)).Replace("\u0085", "").Replace("\ufeff", "")).Distinct()];
        var answer = await HuggingFaceOracle.Ask(package, texts, []);
        for (int i = 0; i < texts.Length; i++)
        {
            Equal(answer.Ids[i], tokenizer, texts[i]);
            int[] ids = tokenizer.Encode(texts[i]);
            var decoder = new StreamingDecoder(tokenizer, skipSpecial: false);
            string streamed = string.Concat(ids.Select(decoder.Push)) + decoder.Flush();
            Assert.Equal(tokenizer.Decode(ids, skipSpecial: false), streamed);
            if (package == "llama3")
                Assert.Equal(texts[i], streamed);
        }
    }

    [Fact]
    public void Llama_2_gives_plain_text_back()
    {
        var tokenizer = Tokenizer.Load(HuggingFaceOracle.Model("llama2"));
        var random = new Random(54);
        for (int i = 0; i < 300; i++)
        {
            string text = RandomText.Next(random, 20);
            Assert.True(text == tokenizer.Decode(tokenizer.Encode(text, parseSpecial: false), skipSpecial: true), $"seed 54, text {i}: {text}");
        }
    }

    [Theory]
    [InlineData("llama2", "</s>")]
    [InlineData("llama3", "<|eot_id|>")]
    [InlineData("qwen3", "<|im_end|>")]
    public void A_user_cannot_spell_control_tokens(string package, string token)
    {
        var tokenizer = Tokenizer.Load(HuggingFaceOracle.Model(package));
        int[] ids = tokenizer.Encode([new("a", true), new($"x{token}y", false), new(token, true)]);
        Assert.Equal([tokenizer.IdOf(token)!.Value], ids.Where(tokenizer.IsSpecial));
    }

    private static void Equal(int[] expected, Tokenizer tokenizer, string text)
    {
        int[] ids = tokenizer.Encode(text);
        Assert.True(expected.SequenceEqual(ids), new StringBuilder($"'{text}': expected ").AppendJoin(' ', expected.Select(tokenizer.TokenOf))
            .Append(", not ").AppendJoin(' ', ids.Select(tokenizer.TokenOf)).ToString());
    }
}
