using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Sampling;
using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

[Trait("device", "gpu")]
public class GpuSamplerTests
{
    private const int Seed = 20261127;

    [Theory]
    [InlineData(1)]
    [InlineData(33)]
    [InlineData(1000)]
    [InlineData(5003)]
    public void Tokens_are_those_of_the_host(int vocab)
    {
        var random = new Random(Seed + vocab);
        // Spread, flat, with ties, and mostly impossible; one sampler, so that what a launch leaves behind shows in the next.
        Func<float>[] kinds =
        [
            () => (float)(Normal(random) * 4), () => (float)(Normal(random) * 0.01), () => (float)Math.Round(Normal(random) * 2),
            () => random.Next(4) == 0 ? (float)Normal(random) : float.NegativeInfinity,
        ];
        using var sampler = new GpuSampler(SharedGpu.Require().Device, vocab, 20);
        foreach (var kind in kinds)
        {
            SamplingRow[] rows = [.. Enumerable.Range(0, 20).Select(i => Row(random, i, vocab))];
            float[] logits = [.. Enumerable.Range(0, rows.Length * vocab).Select(_ => kind())];
            RequireSame(sampler, logits, vocab, rows);
        }
    }

    [Fact]
    public void Rows_without_sound_logits_are_refused_in_the_hosts_words_and_the_others_are_not_concerned()
    {
        const int Vocab = 300;
        var logits = new float[5 * Vocab];
        logits[Vocab + 7] = float.NaN;
        logits[(2 * Vocab) + 299] = float.PositiveInfinity;
        logits.AsSpan(3 * Vocab, Vocab).Fill(float.NegativeInfinity);
        using var sampler = new GpuSampler(SharedGpu.Require().Device, Vocab, 5);
        var tokens = RequireSame(sampler, logits, Vocab, [.. Enumerable.Range(0, 5).Select(i => new SamplingRow { Position = i, Temperature = 1f })]);
        Assert.Equal([true, false, false, false, true], tokens.Select(token => token.IsSampled));
        Assert.Contains("token 7", tokens[1].Failure);
    }

    [Fact]
    public void Log_probabilities_and_settings_that_are_no_numbers_are_the_hosts()
    {
        const int Vocab = 100;
        var random = new Random(Seed);
        float[] logits = [.. Enumerable.Range(0, 4 * Vocab).Select(_ => (float)Normal(random))];
        using var sampler = new GpuSampler(SharedGpu.Require().Device, Vocab, 4);
        var tokens = RequireSame(sampler, logits, Vocab,
        [
            new() { Position = 1, Temperature = 1f, LogProbs = 3, RepetitionPenalty = 2f, PenaltyTokens = [1, 2] },
            new() { Position = 2, Temperature = 1f, RepetitionPenalty = 2f, PenaltyTokens = [Vocab] },
            new() { Position = 3, Temperature = 1f, TopP = float.NaN },
            new() { Position = 4 },
        ]);
        Assert.Equal(3, tokens[0].Top.Count);
        Assert.False(tokens[1].IsSampled);
    }

    private static SampledToken[] RequireSame(GpuSampler sampler, float[] logits, int vocab, SamplingRow[] rows)
    {
        using var memory = new GpuFloats(SharedGpu.Require().Device, logits.Length);
        memory.CopyFrom(logits);
        var tokens = sampler.Sample(memory.Memory.Address, rows);
        for (var i = 0; i < rows.Length; i++)
        {
            var expected = TokenSampler.Sample(logits.AsSpan(i * vocab, vocab), rows[i]);
            Assert.True((expected.TokenId, expected.Failure) == (tokens[i].TokenId, tokens[i].Failure),
                $"seed {Seed}, {vocab} tokens, {rows[i]}: {tokens[i]} instead of {expected}");
            Assert.Equal(expected.Top, tokens[i].Top);
        }

        return tokens;
    }

    private static SamplingRow Row(Random random, int index, int vocab) => new()
    {
        Position = random.Next(10_000),
        Seed = (ulong)random.NextInt64(),
        Temperature = One(random, [0f, 1f, 0.7f, 0.01f, 30f]),
        TopK = One(random, [0, 0, 1, 5, 50, vocab - 1, vocab + 1]),
        TopP = One(random, [1f, 0.9f, 0.1f, 0f, 0.999999f]),
        MinP = One(random, [0f, 0.05f, 0.5f, 1f]),
        RepetitionPenalty = One(random, [1f, 1.3f, 0.5f]),
        PenaltyTokens = index % 3 == 0 ? [] : [.. Enumerable.Range(0, vocab).Where(_ => random.Next(20) == 0)],
    };

    private static T One<T>(Random random, T[] values) => values[random.Next(values.Length)];

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
