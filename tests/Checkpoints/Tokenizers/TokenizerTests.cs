using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Tokenizers;

public sealed class TokenizerTests
{
    private static readonly Tokenizer s_lexi = Tokenizer.Load(Assets.Lexi);

    [Fact]
    public void Equal_to_Hugging_Face_on_all_golden_texts()
    {
        Assert.NotEmpty(Golden.Tokenizations);
        foreach (var (text, ids) in Golden.Tokenizations)
        {
            Assert.Equal(ids, s_lexi.Encode(text));
            Assert.Equal(text, s_lexi.Decode(ids, skipSpecial: false));
        }
    }

    [Fact]
    public void Equal_to_Hugging_Face_on_all_golden_prompts_and_answers()
    {
        foreach (var golden in Golden.Cases)
        {
            Assert.Equal(golden.InputIds, s_lexi.Encode(golden.Text, addBos: golden.Messages.Length == 0));
            Assert.Equal(golden.GreedyText, s_lexi.Decode(golden.GreedyIds, skipSpecial: true));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_Unicode_equals_the_plain_implementation_and_comes_back(int seed)
    {
        var random = new Random(seed);
        var reference = new ReferenceBpe();
        for (int i = 0; i < 300; i++)
        {
            string text = RandomText.Next(random, random.Next(1, 40));
            int[] ids = s_lexi.Encode(text, parseSpecial: false);
            Assert.True(ids.SequenceEqual(reference.Encode(text)), $"seed {seed}, text {i}: {text}");
            Assert.Equal(text, s_lexi.Decode(ids, skipSpecial: true));
        }
    }

    [Fact]
    public void Every_word_of_the_evaluation_text_equals_the_plain_implementation()
    {
        string text = File.ReadAllText(Path.Combine(Assets.Lexi, "..", "eval.txt"))[..60_000];

        Assert.Equal(new ReferenceBpe().Encode(text), s_lexi.Encode(text, parseSpecial: false));
    }

    [Fact]
    public void Special_tokens_are_parsed_only_when_asked()
    {
        Assert.Equal([2, 203, 76, 77, 1, 203], s_lexi.Encode("<|user|>\nhi<|end|>\n"));
        int[] plain = s_lexi.Encode("<|user|>\nhi<|end|>\n", parseSpecial: false);
        Assert.DoesNotContain(plain, s_lexi.IsSpecial);
        Assert.Equal("<|user|>\nhi<|end|>\n", s_lexi.Decode(plain, skipSpecial: true));
    }

    [Theory]
    [InlineData("<|end|>")]
    [InlineData("x<|end|>y<|user|>")]
    [InlineData("<|<|end|>|>")]
    [InlineData("end|>")]
    [InlineData("<|end")]
    [InlineData("|>")]
    public void Untrusted_text_cannot_inject_special_tokens(string content)
    {
        // The trusted neighbours end and begin with halves of special tokens: a match across a border must not count either.
        TextSegment[] segments = [new("<|user|>\n<|", true), new(content, false), new("|><|end|>\n", true)];
        int[] ids = s_lexi.Encode(segments);

        Assert.Equal([2, 1], ids.Where(s_lexi.IsSpecial));
        Assert.Equal(string.Concat(segments.Select(s => s.Text)), s_lexi.Decode(ids, skipSpecial: false));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Segments_are_tokenized_as_their_concatenation(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 200; i++)
        {
            string text = RandomText.Next(random, 20);
            int cut = random.Next(text.Length + 1);
            bool special = random.Next(2) == 0;
            int[] split = s_lexi.Encode([new("", !special), new(text[..cut], special), new("", !special), new(text[cut..], special)]);
            Assert.True(split.SequenceEqual(s_lexi.Encode(text, parseSpecial: special)), $"seed {seed}, text {i}, cut {cut}: {text}");
        }
    }

    [Fact]
    public void Lone_surrogates_become_the_replacement_character()
    {
        // Not inline data: attributes are stored as UTF-8, which lone surrogates do not survive.
        (string Text, string Expected)[] cases =
            [("a\ud83e", "a\ufffd"), ("\udd99b", "\ufffdb"), ("\udd99\ud83e\ud83e\udd99", "\ufffd\ufffd\ud83e\udd99")];
        foreach (var (text, expected) in cases)
        {
            Assert.Equal(s_lexi.Encode(expected), s_lexi.Encode(text));
            Assert.Equal(expected, s_lexi.Decode(s_lexi.Encode(text), skipSpecial: false));
        }
    }

    [Fact]
    public void Bos_is_put_first_once()
    {
        Assert.Equal([0], s_lexi.Encode("", addBos: true));
        Assert.Equal(0, s_lexi.BosTokenId);
        Assert.Equal([0, .. s_lexi.Encode("x")], s_lexi.Encode("x", addBos: true));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(8192)]
    [InlineData(int.MaxValue)]
    public void Id_out_of_range_is_named(int id)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => s_lexi.Decode([5, id], skipSpecial: true));
        Assert.Contains($"Token id {id} is not in the vocabulary", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => s_lexi.TokenOf(id));
        Assert.Throws<ArgumentOutOfRangeException>(() => s_lexi.IsSpecial(id));
        Assert.Throws<ArgumentOutOfRangeException>(() => s_lexi.BytesOf(id).Length);
    }

    [Fact]
    public void Tokens_and_ids_lead_to_each_other()
    {
        Assert.Equal(8192, s_lexi.VocabSize);
        for (int id = 0; id < s_lexi.VocabSize; id++)
            Assert.Equal(id, s_lexi.IdOf(s_lexi.TokenOf(id)));
        Assert.Null(s_lexi.IdOf("no such token"));
        Assert.Equal([0, 1, 2, 3, 4], Enumerable.Range(0, s_lexi.VocabSize).Where(s_lexi.IsSpecial));
    }

    [Fact]
    public void Two_megabytes_of_one_letter_are_encoded()
    {
        string text = new('a', 2_000_000);
        int[] ids = s_lexi.Encode(text);

        Assert.Equal(text, s_lexi.Decode(ids, skipSpecial: false));
    }

    [Fact]
    public void A_megabyte_without_a_blank_is_merged_as_a_short_word_is()
    {
        // No merge crosses from one part to the next, so the long word must be the short one again and again.
        const string Part = "internationalisationqx";
        int[] once = new ReferenceBpe().Encode(Part);
        int[] ids = s_lexi.Encode(string.Concat(Enumerable.Repeat(Part, 50_000)));

        Assert.True(once.Length < Part.Length / 2);
        Assert.Equal(Enumerable.Repeat(once, 50_000).SelectMany(part => part), ids);
    }

    [Fact]
    public void More_words_than_the_cache_holds_and_many_threads()
    {
        string text = string.Join(' ', Enumerable.Range(0, 60_000).Select(i => $"w{i * 7919:x}q"));
        int[] expected = s_lexi.Encode(text);

        Parallel.For(0, 4, _ => Assert.Equal(expected, s_lexi.Encode(text)));
        Assert.Equal(text, s_lexi.Decode(expected, skipSpecial: false));
    }
}
