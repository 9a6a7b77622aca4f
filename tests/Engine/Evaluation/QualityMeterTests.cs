using QuaRot.Checkpoints.Perplexity;
using QuaRot.Engine.Evaluation;

namespace QuaRot.Engine.Tests.Evaluation;

public class QualityMeterTests
{
    private static readonly PerplexityProtocol Protocol = new() { WindowTokens = 4, MaxWindows = 9 };

    // Two tokens; logits ln(p): 3/4 to 1/4, even, 1/5 to 4/5.
    private static readonly float[] ThreeToOne = [MathF.Log(3), 0];
    private static readonly float[] Even = [7, 7];
    private static readonly float[] OneToFour = [0, MathF.Log(4)];

    [Fact]
    public void Perplexity_agreement_and_divergence_are_those_computed_by_hand()
    {
        var model = new FixedLogits([[Even, ThreeToOne, OneToFour]]);
        var reference = new FixedLogits([[ThreeToOne, ThreeToOne, ThreeToOne]]);
        var result = new QualityMeter(model, reference).Run(Protocol, [0, 1, 0, 1]);

        // p(1) = 1/2, p(0) = 3/4, p(1) = 4/5 of the model; 1/4, 3/4, 1/4 of the reference.
        Assert.Equal(-Math.Log(0.5 * 0.75 * 0.8) / 3, result.Perplexity.MeanNll, 1e-6);
        var agreement = result.Agreement!;
        Assert.Equal(Math.Pow(0.25 * 0.75 * 0.25, -1.0 / 3), agreement.ReferencePerplexity, 1e-5);
        Assert.Equal(3, agreement.Predictions);

        // Equal logits: the lower id is the most likely one, as it is for the reference.
        Assert.Equal(2.0 / 3, agreement.Top1, 1e-12);
        var even = (0.75 * Math.Log(0.75 / 0.5)) + (0.25 * Math.Log(0.25 / 0.5));
        var far = (0.75 * Math.Log(0.75 / 0.2)) + (0.25 * Math.Log(0.25 / 0.8));
        Assert.Equal((even + 0 + far) / 3, agreement.MeanDivergence, 1e-6);
    }

    [Fact]
    public void Only_the_first_windows_are_compared_when_so_told()
    {
        var logits = new FixedLogits([[Even, Even, Even], [Even, Even, Even]]);
        var other = new FixedLogits([[Even, Even, Even]]);
        var result = new QualityMeter(logits, other, comparedWindows: 1).Run(Protocol, [0, 1, 0, 1, 0, 1, 0, 1]);
        Assert.Equal((6, 3), (result.Perplexity.Predictions, result.Agreement!.Predictions));
        Assert.Null(new QualityMeter(logits).Run(Protocol, [0, 1, 0, 1]).Agreement);
    }

    [Fact]
    public void Other_vocabularies_are_refused()
    {
        var other = new FixedLogits([[[1, 2, 3], [1, 2, 3], [1, 2, 3]]]);
        var error = Assert.Throws<ArgumentException>(() => new QualityMeter(new FixedLogits([[Even, Even, Even]]), other).Run(Protocol, [0, 1, 0, 1]));
        Assert.Equal("the reference has logits [2, 3] at 0, the model [2, 2] at 0", error.Message);
    }

    [Fact]
    public void Recorded_logits_come_back_in_the_same_chunks()
    {
        var file = Path.Combine(Path.GetTempPath(), $"quarot-{Guid.NewGuid():n}");
        try
        {
            var source = new FixedLogits([[Even, ThreeToOne, OneToFour], [OneToFour, Even, ThreeToOne]]);
            int[] window = [0, 1, 0, 1];
            using var recorded = new RecordedLogits(file);
            for (var i = 0; i < 2; i++)
                Assert.Equal(2, recorded.Record(source.Walk(i, window)).Count());
            foreach (var i in (int[])[1, 0, 1])
                Assert.Equal(Flatten(source.Walk(i, window)), Flatten(recorded.Walk(i, window)));
            Assert.Throws<ArgumentOutOfRangeException>(() => recorded.Walk(2, window));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static (int Start, string Values)[] Flatten(IEnumerable<LogitChunk> chunks) =>
        [.. chunks.Select(chunk => (chunk.Start, string.Join(' ', chunk.Logits.ToArray())))];
}
