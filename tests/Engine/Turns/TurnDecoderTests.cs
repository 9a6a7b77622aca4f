using QuaRot.Engine.Tests.Fakes;
using QuaRot.Engine.Turns;

namespace QuaRot.Engine.Tests.Turns;

public sealed class TurnDecoderTests
{
    [Theory]
    [InlineData("hello", "", "h|e|l|l|o|", false)]
    [InlineData("abcxyz", "xyz", "a|b|c||||", true)]
    [InlineData("abxya", "xyz", "a|b|||xya|", false)]
    [InlineData("abxy", "xyz", "a|b|||xy", false)]
    [InlineData("xxyz", "xyz", "|x|||", true)]
    [InlineData("ababac", "abac", "|||ab|||", true)]
    [InlineData("qend", "en,end", "q|||", true)]
    [InlineData("qbcd", "abcx,bcd", "q||||", true)]
    [InlineData("qabc", "c,abc", "q||||", true)]
    [InlineData("a~b", "é", "a|||", true)]
    [InlineData("a~", "", "a||\uFFFD", false)]
    [InlineData("a~", "\uFFFD", "a||", true)]
    public void Text_comes_as_soon_as_it_is_certain_and_never_with_a_stop_string(string text, string stops, string pieces, bool stopped)
    {
        var decoder = new TurnDecoder(new LetterDecoder(), stops.Length == 0 ? [] : stops.Split(','));
        var actual = new List<string>();
        foreach (int id in LetterDecoder.Ids(text))
        {
            actual.Add(decoder.Push(id));
            if (decoder.IsStopped)
            {
                break;
            }
        }

        actual.Add(decoder.Flush());
        Assert.Equal(pieces, string.Join('|', actual));
        Assert.Equal(stopped, decoder.IsStopped);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Equals_a_search_in_the_whole_text(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 2000; i++)
        {
            string text = RandomText(random, 30);
            string[] stops = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => RandomText(random, 4) + "a")];
            var decoder = new TurnDecoder(new LetterDecoder(), stops);
            string actual = "";
            foreach (int id in LetterDecoder.Ids(text).TakeWhile(_ => !decoder.IsStopped))
            {
                actual += decoder.Push(id);
            }

            actual += decoder.Flush();
            string expected = Cut(text, stops);
            Assert.True(
                expected == actual,
                $"seed {seed}, text {text}, stops {string.Join(',', stops)}: '{actual}' not '{expected}'");
        }
    }

    [Fact]
    public void Nothing_can_be_pushed_after_the_end()
    {
        var decoder = new TurnDecoder(new LetterDecoder(), ["a"]);
        decoder.Push(0);
        Assert.Throws<InvalidOperationException>(() => decoder.Push(1));
        Assert.Equal("", decoder.Flush());
    }

    private static string RandomText(Random random, int most)
    {
        return string.Concat(Enumerable.Range(0, random.Next(most)).Select(_ => (char)('a' + random.Next(3))));
    }

    /// <summary>The first end of a match decides, and of the matches that end there the longest.</summary>
    private static string Cut(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            IEnumerable<string> matches = stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal));
            int longest = matches.Select(stop => stop.Length).DefaultIfEmpty(0).Max();
            if (longest > 0)
            {
                return text[..(end - longest)];
            }
        }

        return text;
    }
}
