using QuaRot.Kernels.Sampling;
using Xunit;

namespace QuaRot.Kernels.Tests.Sampling;

public sealed class TokenSamplerTests
{
    [Fact]
    public void Greedy_takes_the_largest_and_the_lower_id_of_equals()
    {
        Assert.Equal(1, Sample([1f, 3f, 2f, 3f], new SamplingRow { Position = 0 }));
        Assert.Equal(2, Sample([float.NegativeInfinity, float.NegativeInfinity, -1f], new SamplingRow { Position = 0 }));
    }

    [Fact]
    public void Penalty_divides_positive_and_multiplies_negative_logits()
    {
        var row = new SamplingRow { Position = 0, RepetitionPenalty = 2f, PenaltyTokens = [0] };
        Assert.Equal(1, Sample([3f, 2f], row));
        Assert.Equal(1, Sample([-1f, -1.5f], row));
        Assert.Equal(0, Sample([-1f, -2.5f], row));
        // Equal after the penalty: the lower id.
        Assert.Equal(0, Sample([4f, 2f], row));
    }

    [Fact]
    public void Top_k_keeps_the_lower_ids_of_equal_logits()
    {
        float[] logits = new float[100];
        var drawn = new HashSet<int>();
        for (int position = 0; position < 300; position++)
        {
            drawn.Add(Sample(logits, new SamplingRow { Position = position, Temperature = 1f, TopK = 3 }));
        }

        Assert.Equal([0, 1, 2], drawn.Order());
    }

    [Fact]
    public void Top_p_keeps_the_token_that_reaches_p()
    {
        // Probabilities 0.5, 0.25, 0.125, 0.125: 0.5 is reached by the first alone, 0.6 needs the second.
        float[] logits = [MathF.Log(4), MathF.Log(2), 0f, 0f];
        Assert.Equal([0], Drawn(logits, new SamplingRow { Position = 0, Temperature = 1f, TopP = 0.49f }));
        Assert.Equal([0, 1], Drawn(logits, new SamplingRow { Position = 0, Temperature = 1f, TopP = 0.6f }));
        Assert.Equal([0, 1, 2], Drawn(logits, new SamplingRow { Position = 0, Temperature = 1f, TopP = 0.8f }));
        // However small p is, one token stays.
        Assert.Equal([0], Drawn(logits, new SamplingRow { Position = 0, Temperature = 1f, TopP = 1e-30f }));
    }

    [Fact]
    public void Min_p_is_relative_to_the_largest_probability_after_temperature()
    {
        float[] logits = [MathF.Log(4), MathF.Log(2), 0f];
        Assert.Equal([0, 1], Drawn(logits, new SamplingRow { Position = 0, Temperature = 1f, MinP = 0.4f }));
        Assert.Equal([0, 1, 2], Drawn(logits, new SamplingRow { Position = 0, Temperature = 2f, MinP = 0.4f }));
    }

    [Fact]
    public void Frequencies_follow_the_softmax()
    {
        float[] logits = [0f, 1f, 2f, -1f];
        const int Draws = 20_000;
        int[] counts = new int[logits.Length];
        for (int position = 0; position < Draws; position++)
        {
            counts[Sample(logits, new SamplingRow { Position = position, Seed = 99, Temperature = 1f })]++;
        }

        double total = logits.Sum(x => Math.Exp(x));
        for (int id = 0; id < logits.Length; id++)
        {
            double p = Math.Exp(logits[id]) / total;
            // Five standard deviations of a binomial count.
            double tolerance = 5 * Math.Sqrt(Draws * p * (1 - p));
            Assert.InRange(counts[id], (Draws * p) - tolerance, (Draws * p) + tolerance);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Equals_the_sorting_definition_on_random_rows(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 400; i++)
        {
            int vocab = random.Next(1, 200);
            // Coarse logits, so that ties are common.
            float[] logits = [.. Enumerable.Range(0, vocab).Select(_ => random.Next(-12, 13) * 0.5f)];
            SamplingRow row = RandomRow(random, vocab);
            Assert.True(SortedSampler.Sample(logits, row) == Sample(logits, row), $"seed {seed}, case {i}, vocab {vocab}, {row}");
        }
    }

    [Fact]
    public void The_logits_are_left_alone()
    {
        float[] logits = [1f, 2f, 3f];
        Sample(logits, new SamplingRow { Position = 1, Temperature = 0.7f, TopP = 0.9f, RepetitionPenalty = 1.3f, PenaltyTokens = [1, 2] });
        Assert.Equal([1f, 2f, 3f], logits);
    }

    [Fact]
    public void Log_probabilities_come_from_the_unmodified_logits()
    {
        float[] logits = [1f, 3f, 3f, 0f];
        var row = new SamplingRow { Position = 5, RepetitionPenalty = 100f, PenaltyTokens = [1, 2], LogProbs = 3 };
        SampledToken token = TokenSampler.Sample(logits, row);

        double logSumExp = Math.Log(logits.Sum(x => Math.Exp(x)));
        Assert.Equal(0, token.TokenId);
        // The exp of the sum is good to 2 ulp (2.4e-7 relative); the result is rounded to a float.
        Assert.Equal(1 - logSumExp, token.LogProb, 1e-6);
        Assert.Equal([1, 2, 0], token.Top.Select(t => t.TokenId));
        Assert.Equal(3 - logSumExp, token.Top[0].LogProb, 1e-6);
    }

    [Fact]
    public void Log_probabilities_are_absent_unless_asked_for()
    {
        SampledToken none = TokenSampler.Sample([1f, 2f], new SamplingRow { Position = 0 });
        Assert.True(float.IsNaN(none.LogProb));
        Assert.Empty(none.Top);

        SampledToken own = TokenSampler.Sample([1f, 2f], new SamplingRow { Position = 0, LogProbs = 0 });
        Assert.True(own.LogProb < 0);
        Assert.Empty(own.Top);
        Assert.Equal(2, TokenSampler.Sample([1f, 2f], new SamplingRow { Position = 0, LogProbs = 9 }).Top.Count);
    }

    [Theory]
    [InlineData(1e-38f, 1f)]
    [InlineData(1.4e-45f, 1f)]
    [InlineData(3e38f, 1f)]
    [InlineData(1f, 1.4e-45f)]
    [InlineData(1e-38f, 1.4e-45f)]
    [InlineData(1f, 3e38f)]
    public void Extreme_penalties_and_temperatures_still_draw_a_token(float penalty, float temperature)
    {
        float[] logits = [float.NegativeInfinity, -20f, 15f, 0f, -3f, 12f];
        foreach ((int topK, float topP, float minP) in new[] { (0, 1f, 0f), (0, 1f, 0.1f), (3, 0.9f, 1f), (1, 1e-30f, 0.1f) })
        {
            int token = Sample(logits, new SamplingRow
            {
                Position = 3,
                Temperature = temperature,
                TopK = topK,
                TopP = topP,
                MinP = minP,
                RepetitionPenalty = penalty,
                PenaltyTokens = [0, 1, 2, 5],
            });
            // Token 0 is impossible before the penalty and stays so.
            Assert.InRange(token, 1, logits.Length - 1);
        }
    }

    [Fact]
    public void The_smallest_temperature_takes_the_largest_logit()
    {
        var row = new SamplingRow { Position = 0, Temperature = 1.4e-45f };
        Assert.Equal([2], Drawn([-5f, 1f, 1.0000001f, 0f], row));
        Assert.Equal([2], Drawn([-5f, 1f, 1.0000001f, 0f], row with { TopP = 0.5f, MinP = 1f }));
    }

    [Fact]
    public void A_broken_row_is_not_sampled_and_says_why()
    {
        var row = new SamplingRow { Position = 17, Temperature = 1f };
        SampledToken nan = TokenSampler.Sample([0f, float.NaN], row);
        Assert.False(nan.IsSampled);
        Assert.Equal(SampledToken.NotSampledId, nan.TokenId);
        Assert.Contains("token 1 at position 17 is NaN", nan.Failure);
        Assert.False(TokenSampler.Sample([0f, float.PositiveInfinity], row).IsSampled);
        Assert.Contains("none of 1 logits is finite", TokenSampler.Sample([float.NegativeInfinity], row).Failure);
        Assert.Contains("position 17", TokenSampler.Sample([1f], row with { RepetitionPenalty = 2f, PenaltyTokens = [9] }).Failure);
    }

    [Fact]
    public void A_good_row_carries_no_failure()
    {
        SampledToken token = TokenSampler.Sample([0f, 1f], new SamplingRow { Position = 0 });
        Assert.True(token.IsSampled);
        Assert.Null(token.Failure);
    }

    private static int Sample(float[] logits, SamplingRow row)
    {
        SampledToken token = TokenSampler.Sample(logits, row);
        Assert.Null(token.Failure);
        return token.TokenId;
    }

    private static int[] Drawn(float[] logits, SamplingRow row)
    {
        return [.. Enumerable.Range(0, 200).Select(position => Sample(logits, row with { Position = position })).Distinct().Order()];
    }

    private static SamplingRow RandomRow(Random random, int vocab) => new()
    {
        Position = random.Next(4096),
        Seed = (ulong)random.NextInt64(),
        Temperature = random.Next(5) == 0 ? 0f : 0.1f + (2f * random.NextSingle()),
        TopK = random.Next(2) == 0 ? 0 : random.Next(1, vocab + 2),
        TopP = random.Next(2) == 0 ? 1f : 0.01f + (0.98f * random.NextSingle()),
        MinP = random.Next(2) == 0 ? 0f : random.NextSingle(),
        RepetitionPenalty = random.Next(2) == 0 ? 1f : 1.3f,
        PenaltyTokens = [.. Enumerable.Range(0, vocab).Where(_ => random.Next(4) == 0)],
    };
}
