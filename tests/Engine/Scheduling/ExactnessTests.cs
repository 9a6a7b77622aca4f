using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Tests.Fakes;

namespace QuaRot.Engine.Tests.Scheduling;

/// <summary>Property 1 at the scheduler: tokens depend on history, sampling and seed alone.</summary>
public sealed class ExactnessTests
{
    [Theory]
    [InlineData(1, 1, 512)]
    [InlineData(8, 1, 512)]
    [InlineData(64, 1, 512)]
    [InlineData(8, 6, 512)]
    [InlineData(64, 6, 48)]
    [InlineData(8, 2, 1)]
    [InlineData(8, 3, 5)]
    public async Task Parallel_chats_get_what_each_gets_alone(int chats, int stages, int maxBatchTokens)
    {
        await using var rig = new Rig(stages, pageCount: 1024, options: new SchedulerOptions { MaxBatchTokens = maxBatchTokens });
        int[][] prompts = [.. Enumerable.Range(0, chats).Select(i => Rig.Prompt(i, 1 + (i * 5 % 23)))];
        int[][] answers = await Task.WhenAll(prompts.Select((prompt, i) => rig.GenerateAsync($"chat {i}", prompt, (ulong)i, 20)));
        for (int i = 0; i < chats; i++)
        {
            Assert.Equal(Rig.Expected(prompts[i], (ulong)i, 20), answers[i]);
        }

        Assert.Equal(0, rig.Scheduler.Stats.Preemptions);
    }

    [Theory]
    [InlineData(1, 8, 256)]
    [InlineData(7, 8, 256)]
    [InlineData(7, 3, 20)]
    [InlineData(1, 8, 256, 2)]
    [InlineData(7, 8, 256, 3)]
    public async Task Several_steps_at_once_change_nothing(int chats, int stepsAtOnce, int pageCount, int stages = 1)
    {
        await using var rig = new Rig(stages, pageCount: pageCount, stepsAtOnce: stepsAtOnce);
        int[][] prompts = [.. Enumerable.Range(0, chats).Select(i => Rig.Prompt(i, 1 + (i * 5 % 23)))];
        int[][] answers = await Task.WhenAll(prompts.Select((prompt, i) => rig.GenerateAsync($"chat {i}", prompt, (ulong)i, 20 + i, burst: 16)));
        for (int i = 0; i < chats; i++)
        {
            Assert.Equal(Rig.Expected(prompts[i], (ulong)i, 20 + i, rig.Parameters), answers[i]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(100)]
    public async Task The_burst_size_changes_nothing(int burst)
    {
        await using var rig = new Rig();
        int[] prompt = Rig.Prompt(5, 9);
        Assert.Equal(Rig.Expected(prompt, 3, 33), await rig.GenerateAsync("a", prompt, 3, 33, burst));
        // Nine rows of the prompt and one row for each token but the last: nothing was computed twice.
        SchedulerStats stats = rig.Scheduler.Stats;
        Assert.Equal(9 + 32, stats.TokensPrefilled + stats.TokensDecoded);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public async Task Preemption_and_eviction_change_nothing(int stages)
    {
        // 20 pages of 4 for eight chats of 8 to 15 + 24 tokens each: at most three fit at once.
        await using var rig = new Rig(stages, pageCount: 20);
        int[][] prompts = [.. Enumerable.Range(0, 8).Select(i => Rig.Prompt(i, 8 + i))];
        int[][] answers = await Task.WhenAll(prompts.Select((prompt, i) => rig.GenerateAsync($"chat {i}", prompt, 40, 24, burst: 6)));
        for (int i = 0; i < prompts.Length; i++)
        {
            Assert.Equal(Rig.Expected(prompts[i], 40, 24), answers[i]);
        }

        SchedulerStats stats = rig.Scheduler.Stats;
        Assert.True(stats.Evictions > 0, "no sequence was evicted");
        Assert.InRange(stats.PagesUsed, 1, 20);
    }

    [Fact]
    public async Task A_sequence_that_is_preempted_in_mid_burst_goes_on_exactly()
    {
        await using var rig = new Rig(pageCount: 10);
        int[] a = Rig.Prompt(1, 4);
        int[] b = Rig.Prompt(2, 4);
        // 29 positions each, 40 in all: both start, the younger one must give way. The gate makes sure that both are there from the start.
        rig.Pipeline.Close();
        Task<int[]> first = rig.GenerateAsync("a", a, 1, 25);
        Task<int[]> second = rig.GenerateAsync("b", b, 2, 25);
        rig.Pipeline.Open();
        int[][] answers = await Task.WhenAll(first, second);
        SchedulerStats stats = rig.Scheduler.Stats;
        // b gives way to a once; later, a being idle, its pages go to b.
        Assert.Equal((1, 1), (stats.Preemptions, stats.Evictions));
        Assert.Equal(Rig.Expected(a, 1, 25), answers[0]);
        Assert.Equal(Rig.Expected(b, 2, 25), answers[1]);
    }

    [Fact]
    public async Task A_changed_history_is_rewound_to_the_common_prefix()
    {
        await using var rig = new Rig();
        int[] prompt = Rig.Prompt(1, 10);
        await rig.GenerateAsync("a", prompt, 1, 10);
        long before = rig.Scheduler.Stats.TokensPrefilled;

        int[] edited = [.. prompt.Take(6), .. Rig.Prompt(99, 7)];
        edited[6] = (prompt[6] + 1) % FakeModel.Vocab;
        Assert.Equal(Rig.Expected(edited, 8, 5), await rig.GenerateAsync("a", edited, 8, 5));
        Assert.Equal(7, rig.Scheduler.Stats.TokensPrefilled - before);
    }

    [Fact]
    public async Task Asking_again_for_the_same_history_recomputes_its_last_token_alone()
    {
        await using var rig = new Rig();
        int[] prompt = Rig.Prompt(1, 10);
        int[] first = await rig.GenerateAsync("a", prompt, 1, 6);
        SchedulerStats before = rig.Scheduler.Stats;
        Assert.Equal(first, await rig.GenerateAsync("a", prompt, 1, 6));
        SchedulerStats after = rig.Scheduler.Stats;
        Assert.Equal(0, after.TokensPrefilled - before.TokensPrefilled);
        Assert.Equal(6, after.TokensDecoded - before.TokensDecoded);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(6)]
    public async Task A_lost_stage_fails_its_batch_and_everything_else_is_prefilled_anew(int stages)
    {
        int forwards = 0;
        await using var rig = new Rig(stages, onForward: (stage, _) =>
        {
            if (stage == 1 && Interlocked.Increment(ref forwards) == 30)
            {
                throw new KvLostException(new InvalidOperationException("the silo is gone"));
            }
        });
        int[][] prompts = [.. Enumerable.Range(0, 8).Select(i => Rig.Prompt(i, 6 + i))];
        int[] idle = await rig.GenerateAsync("idle", Rig.Prompt(50, 9), 1, 4);
        int[][] answers = await Task.WhenAll(prompts.Select((prompt, i) => RetryingAsync(rig, $"chat {i}", prompt, 20)));
        for (int i = 0; i < prompts.Length; i++)
        {
            Assert.Equal(Rig.Expected(prompts[i], 40, 20), answers[i]);
        }

        Assert.Equal(Rig.Expected([.. Rig.Prompt(50, 9), .. idle], 1, 4), await rig.GenerateAsync("idle", [.. Rig.Prompt(50, 9), .. idle], 1, 4));
    }

    [Fact]
    public async Task Another_replica_goes_on_where_the_first_was_lost()
    {
        int[] prompt = Rig.Prompt(1, 10);
        int[] expected = Rig.Expected(prompt, 4, 20);
        int[] head;
        await using (var first = new Rig(stages: 2))
        {
            head = await first.GenerateAsync("a", prompt, 4, 11, burst: 4);
        }

        await using var second = new Rig(stages: 3, options: new SchedulerOptions { MaxBatchTokens = 4 });
        int[] tail = await second.GenerateAsync("a", [.. prompt, .. head], 4, 9);
        Assert.Equal(expected, head.Concat(tail));
    }

    private static async Task<int[]> RetryingAsync(Rig rig, string id, int[] prompt, int count)
    {
        var answer = new List<int>();
        int failures = 0;
        while (answer.Count < count)
        {
            try
            {
                answer.AddRange(await rig.GenerateAsync(id, [.. prompt, .. answer], 40, 1));
            }
            catch (PipelineFailureException) when (++failures <= 2)
            {
                // As a session does: it asks again with the same history. A batch behind the lost one may fail too, for it finds no KV.
            }
        }

        return [.. answer];
    }
}
