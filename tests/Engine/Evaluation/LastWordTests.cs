using QuaRot.Engine.Evaluation;
using QuaRot.Engine.Evaluation.LastWord;
using QuaRot.Engine.Tests.Fakes;
using QuaRot.Kernels;

namespace QuaRot.Engine.Tests.Evaluation;

public class LastWordTests
{
    private const string Long = "The first sentence of this passage tells of a garden and of all the trees that grow in it, of apples and of pears, and it goes on for a while.";
    private const string Rest = " Then the second one follows and comes to an end after some more words, as it must, in the old";

    [Theory]
    [InlineData(Long + Rest + " garden.", "garden", true)]
    [InlineData(Long + Rest + " Garden's tower.\"", "tower", false)]
    public void A_passage_is_whole_sentences_of_40_words_or_more(string text, string word, bool occurs)
    {
        var passage = Assert.Single(PassageCutter.Cut("A heading.\n\n" + text.Replace(" Then", "\nThen", StringComparison.Ordinal) + " Too little is left.\n\n"));
        Assert.Equal((word, occurs), (passage.Word, passage.Occurs));
        Assert.StartsWith("The first sentence", passage.Context, StringComparison.Ordinal);
        Assert.EndsWith(text.Contains("Garden's", StringComparison.Ordinal) ? " Garden's" : " the old", passage.Context, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Long + Rest + " Garden.")]
    [InlineData(Long + Rest + " way.")]
    [InlineData(Long + Rest + " garden, and (so on).")]
    [InlineData("One sentence of forty words" + Rest + Rest + Rest + " garden.")]
    [InlineData("Too short. It ends here, in the garden.")]
    public void Names_short_words_single_sentences_and_short_texts_are_left_out(string text) => Assert.Empty(PassageCutter.Cut(text));

    [Fact]
    public void A_word_is_found_when_every_token_of_it_is_the_most_likely_one()
    {
        // The fake model's most likely token depends on what it has read: ask it first what it would say.
        var stage = FakeStage.Chain(1, pageSize: 4, pageCount: 16)[0];
        int[] context = [3, 1, 4];
        var first = Greedy(stage, context);
        var second = Greedy(stage, [.. context, first]);
        var passages = new[] { new Passage("c", "right", true), new Passage("c", "half", false), new Passage("c", "joined", false) };
        int[] Encode(string text) => text switch
        {
            "c" => context,
            "c right" => [.. context, first, second],
            "c half" => [.. context, first, (second + 1) % FakeModel.Vocab],
            _ => [9, 9, 9, 9],
        };
        var task = new LastWordTask(passages, Encode, maxPositions: 64);
        Assert.Equal((2, 5), (task.Count, task.LongestPassage));
        var result = task.Run(new StageLogits(stage));
        Assert.Equal((2, 1, 1, 1, 1), (result.Passages, result.Correct, result.OccurringPassages, result.OccurringCorrect, result.Skipped));
        Assert.Equal(0.5, result.Accuracy);
    }

    [Fact]
    public void A_text_without_passages_for_the_model_is_an_error()
    {
        var error = Assert.Throws<ArgumentException>(() => new LastWordTask([new Passage("c", "word", false)], _ => [1, 2, 3], maxPositions: 2));
        Assert.Equal("the text has no passage for the last-word task (1 found, 1 skipped)", error.Message);
    }

    private static int Greedy(IModelStage stage, int[] tokens)
    {
        // One more token than is read: logits come for all but the last.
        var last = new StageLogits(stage).From(tokens.Length - 1, [.. tokens, 0]).Single();
        return NextToken.Top(last.Row(0));
    }
}
