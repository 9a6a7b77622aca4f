using System.Text;
using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Tokenizers;

public sealed class StreamingDecoderTests
{
    private static readonly Tokenizer s_lexi = Tokenizer.Load(Assets.Lexi);

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public void Pieces_equal_the_batch_at_every_split(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 50; i++)
        {
            int[] ids = s_lexi.Encode(RandomText.Next(random, 30));
            var decoder = new StreamingDecoder(s_lexi, skipSpecial: false);
            var text = new StringBuilder();
            for (int n = 0; n < ids.Length; n++)
            {
                text.Append(decoder.Push(ids[n]));
                // What has come so far is the batch's text up to here, less a character that is not finished.
                string batch = s_lexi.Decode(ids.AsSpan(0, n + 1), skipSpecial: false);
                Assert.True(batch.StartsWith(text.ToString(), StringComparison.Ordinal), $"seed {seed}, text {i}, token {n}");
                Assert.True(batch.AsSpan(text.Length) is "" or "\ufffd", $"seed {seed}, text {i}, token {n}: too much was held back");
            }

            Assert.Equal("", decoder.Flush());
            Assert.Equal(s_lexi.Decode(ids, skipSpecial: false), text.ToString());
        }
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    public void Random_tokens_and_bytes_equal_the_batch(int seed)
    {
        var random = new Random(seed);
        int[] bytes = [.. Enumerable.Range(0, s_lexi.VocabSize).Where(id => s_lexi.BytesOf(id) is [>= 0x80])];
        for (int i = 0; i < 2000; i++)
        {
            bool skip = random.Next(2) == 0;
            int[] ids = [.. Enumerable.Range(0, 12).Select(
                _ => random.Next(4) > 0 ? bytes[random.Next(bytes.Length)] : random.Next(s_lexi.VocabSize))];
            var decoder = new StreamingDecoder(s_lexi, skip);
            string streamed = string.Concat(ids.Select(decoder.Push)) + decoder.Flush();
            Assert.True(s_lexi.Decode(ids, skip) == streamed, $"seed {seed}, case {i}: {string.Join(' ', ids)}");
        }
    }

    [Fact]
    public void An_emoji_comes_whole_with_its_last_byte()
    {
        int[] ids = s_lexi.Encode("🦙");
        var decoder = new StreamingDecoder(s_lexi);

        Assert.Equal(4, ids.Length);
        Assert.Equal(["", "", "", "🦙"], ids.Select(decoder.Push));
    }

    [Fact]
    public void Cut_character_becomes_one_replacement_and_the_decoder_starts_anew()
    {
        var decoder = new StreamingDecoder(s_lexi);
        foreach (int id in s_lexi.Encode("🦙")[..3])
            Assert.Equal("", decoder.Push(id));

        Assert.Equal("\ufffd", decoder.Flush());
        Assert.Equal("h", decoder.Push(s_lexi.Encode("h")[0]));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void Unknown_id_is_refused_and_changes_nothing()
    {
        int[] ids = s_lexi.Encode("é🦙");
        var decoder = new StreamingDecoder(s_lexi);
        string text = decoder.Push(ids[0]);

        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Push(8192));
        Assert.Equal("é🦙", text + string.Concat(ids[1..].Select(decoder.Push)));
    }

    [Fact]
    public void Special_tokens_are_skipped_or_shown()
    {
        Assert.Equal("", new StreamingDecoder(s_lexi).Push(1));
        Assert.Equal("<|end|>", new StreamingDecoder(s_lexi, skipSpecial: false).Push(1));
    }
}
