using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Scheduling;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Tests.Fakes;

/// <summary>A scheduler over fake stages, with what every test of it needs.</summary>
internal sealed class Rig : IAsyncDisposable
{
    public static readonly SamplingParameters Sampling = new() { Temperature = 0.9f, TopK = 40, TopP = 0.95f, RepetitionPenalty = 1.1f };

    public Rig(
        int stages = 1,
        int pageSize = 4,
        int pageCount = 256,
        SchedulerOptions? options = null,
        Action<int, ForwardBatch>? onForward = null,
        Func<SamplingRow, bool>? poison = null,
        TimeProvider? time = null,
        Action<Exception>? onBatchFailed = null,
        int stepsAtOnce = 1)
    {
        Parameters = stepsAtOnce == 1 ? Sampling : Sampling with { RepetitionPenalty = 1f };
        Pipeline = new GatedPipeline(new LocalPipeline(FakeStage.Chain(stages, pageSize, pageCount, onForward, poison, stepsAtOnce)));
        Scheduler = new BatchScheduler(Pipeline, options, time, onBatchFailed);
    }

    /// <summary>Of all that is generated here; without a penalty where several steps are taken at once, which it forbids.</summary>
    public SamplingParameters Parameters { get; }

    public GatedPipeline Pipeline { get; }

    public BatchScheduler Scheduler { get; }

    /// <summary>What the model says when nothing else is there: no pages, no batch, no scheduler.</summary>
    public static int[] Expected(int[] prompt, ulong seed, int count, SamplingParameters? sampling = null)
    {
        sampling ??= Sampling;
        var tokens = new List<int>(prompt);
        for (int i = 0; i < count; i++)
        {
            tokens.Add(TokenSampler.Sample(FakeModel.LogitsAfter(tokens), new SamplingRow
            {
                Position = tokens.Count,
                Seed = seed,
                Temperature = sampling.Temperature,
                TopK = sampling.TopK,
                TopP = sampling.TopP,
                MinP = sampling.MinP,
                RepetitionPenalty = sampling.RepetitionPenalty,
                PenaltyTokens = [.. tokens.Distinct()],
            }).TokenId);
        }

        return [.. tokens.Skip(prompt.Length)];
    }

    public static int[] Prompt(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(FakeModel.Vocab))];
    }

    public static BurstRequest Request(string id, int[] tokens, int maxTokens, ulong seed = 7)
    {
        return new BurstRequest { SequenceId = id, Tokens = tokens, Sampling = Sampling, Seed = seed, MaxTokens = maxTokens };
    }

    /// <summary>Generates in bursts, each with the whole history.</summary>
    public async Task<int[]> GenerateAsync(string id, int[] prompt, ulong seed, int count, int burst = int.MaxValue)
    {
        var tokens = new List<int>(prompt);
        while (tokens.Count < prompt.Length + count)
        {
            int budget = Math.Min(burst, prompt.Length + count - tokens.Count);
            await foreach (GeneratedToken token in Scheduler.GenerateAsync(Request(id, [.. tokens], budget, seed) with { Sampling = Parameters }))
            {
                Assert.Equal(tokens.Count, token.Position);
                tokens.Add(token.TokenId);
            }
        }

        return [.. tokens.Skip(prompt.Length)];
    }

    public async ValueTask DisposeAsync()
    {
        Pipeline.Open();
        await Scheduler.DisposeAsync();
        await Pipeline.DisposeAsync();
    }
}
