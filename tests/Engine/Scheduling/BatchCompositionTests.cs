using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Tests.Fakes;

namespace QuaRot.Engine.Tests.Scheduling;

/// <summary>What goes into a micro-batch, seen through a pipeline that lets batches through one by one.</summary>
public sealed class BatchCompositionTests
{
    [Fact]
    public async Task A_long_prompt_is_prefilled_in_chunks_and_only_the_last_one_samples()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxBatchTokens = 8 });
        await rig.GenerateAsync("a", Rig.Prompt(1, 19), 1, 2);

        var batches = new List<StageBatch>();
        while (rig.Pipeline.TryNext() is { } batch)
        {
            batches.Add(batch);
        }

        Assert.Equal([8, 8, 3, 1], batches.Select(b => b.Forward.Rows));
        Assert.Equal([0, 0, 1, 1], batches.Select(b => b.Sampling.Length));
        Assert.Equal(19, batches[2].Sampling[0].Position);
        Assert.Equal([16, 17, 18], batches[2].Forward.Positions);
        Assert.Equal([2], batches[2].Forward.OutputRows);
    }

    [Fact]
    public async Task Decoding_rows_come_first_and_prefill_fills_the_rest()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxBatchTokens = 8 });
        rig.Pipeline.Close();
        Task a = rig.GenerateAsync("a", Rig.Prompt(1, 3), 1, 20);
        Assert.Equal(3, (await rig.Pipeline.NextAsync()).Forward.Rows);
        Task b = rig.GenerateAsync("b", Rig.Prompt(2, 12), 2, 4);
        rig.Pipeline.LetThrough();

        StageBatch mixed = await rig.Pipeline.NextAsync();
        Assert.Equal([3, 0, 1, 2, 3, 4, 5, 6], mixed.Forward.Positions);
        Assert.Equal([0, 1, 1, 1, 1, 1, 1, 1], mixed.Forward.SequenceOfRow);
        Assert.Equal([0], mixed.Forward.OutputRows);
        rig.Pipeline.Open();
        await Task.WhenAll(a, b);
    }

    [Fact]
    public async Task A_sequence_alone_takes_several_steps_at_once_until_its_burst_its_pages_or_another_one_end_them()
    {
        // Five pages of four: 17 positions of the first 20 tokens are known when the pages are out.
        await using var rig = new Rig(pageCount: 5, stepsAtOnce: 8);
        await rig.GenerateAsync("a", Rig.Prompt(1, 2), 1, 18);
        Assert.Equal([1, 8, 8, 1], Steps());
        rig.Scheduler.Release("a");

        Task b = rig.GenerateAsync("b", Rig.Prompt(2, 2), 1, 12);
        await rig.Pipeline.NextAsync();
        await b;
        Assert.Equal([8, 3], Steps());

        List<int> Steps()
        {
            var steps = new List<int>();
            while (rig.Pipeline.TryNext() is { } batch)
            {
                steps.Add(batch.Steps);
            }

            return steps;
        }
    }

    [Fact]
    public async Task While_one_is_prefilled_the_others_take_single_steps()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxBatchTokens = 4 }, stepsAtOnce: 8);
        rig.Pipeline.Close();
        Task a = rig.GenerateAsync("a", Rig.Prompt(1, 1), 1, 20);
        await rig.Pipeline.NextAsync();
        Task b = rig.GenerateAsync("b", Rig.Prompt(2, 6), 2, 20);
        rig.Pipeline.LetThrough(3);
        Assert.Equal((4, 1), Shape(await rig.Pipeline.NextAsync()));
        Assert.Equal((4, 1), Shape(await rig.Pipeline.NextAsync()));
        Assert.Equal((2, 8), Shape(await rig.Pipeline.NextAsync()));
        rig.Pipeline.Open();
        await Task.WhenAll(a, b);

        static (int Rows, int Steps) Shape(StageBatch batch) => (batch.Forward.Rows, batch.Steps);
    }

    [Fact]
    public async Task As_many_batches_as_stages_are_in_flight_and_share_the_sequences()
    {
        await using var rig = new Rig(stages: 3);
        rig.Pipeline.Close();
        Task[] chats = [.. Enumerable.Range(0, 6).Select(i => rig.GenerateAsync($"chat {i}", Rig.Prompt(i, 1), 1, 40))];
        var owners = new List<int>();
        // The first batches were cut while chats still arrived; once each has ended once, the six are spread evenly.
        for (int i = 0; i < 12; i++)
        {
            await rig.Pipeline.NextAsync();
            rig.Pipeline.LetThrough();
        }

        for (int i = 0; i < 3; i++)
        {
            owners.Add((await rig.Pipeline.NextAsync()).Forward.Rows);
        }

        Assert.Null(rig.Pipeline.TryNext());
        Assert.Equal([2, 2, 2], owners);
        rig.Pipeline.Open();
        await Task.WhenAll(chats);
    }

    [Fact]
    public async Task A_paused_sequence_takes_no_slot_but_keeps_its_pages()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxRunning = 1 });
        await rig.GenerateAsync("a", Rig.Prompt(1, 8), 1, 3);
        SchedulerStats paused = rig.Scheduler.Stats;
        Assert.Equal((0, 0, 1, 3), (paused.Running, paused.Waiting, paused.Resident, paused.PagesUsed));
        await rig.GenerateAsync("b", Rig.Prompt(2, 4), 1, 1);
        Assert.Equal(2, rig.Scheduler.Stats.Resident);
    }

    [Fact]
    public async Task The_sequence_idle_for_longest_is_evicted_first()
    {
        await using var rig = new Rig(pageCount: 6);
        foreach (string id in (string[])["a", "b", "c"])
        {
            await rig.GenerateAsync(id, Rig.Prompt(1, 8), 1, 1);
        }

        await rig.GenerateAsync("a", Rig.Prompt(1, 8), 1, 1);
        // b is now the oldest; d takes its two pages.
        await rig.GenerateAsync("d", Rig.Prompt(1, 8), 1, 1);
        Assert.Equal(1, rig.Scheduler.Stats.Evictions);
        long prefilled = rig.Scheduler.Stats.TokensPrefilled;
        await rig.GenerateAsync("a", Rig.Prompt(1, 8), 1, 1);
        await rig.GenerateAsync("c", Rig.Prompt(1, 8), 1, 1);
        Assert.Equal(prefilled, rig.Scheduler.Stats.TokensPrefilled);
        await rig.GenerateAsync("b", Rig.Prompt(1, 8), 1, 1);
        Assert.Equal(prefilled + 8, rig.Scheduler.Stats.TokensPrefilled);
    }

    [Fact]
    public async Task A_sequence_that_fits_later_is_not_passed_by_shorter_ones()
    {
        await using var rig = new Rig(pageCount: 8);
        rig.Pipeline.Close();
        Task a = rig.GenerateAsync("a", Rig.Prompt(1, 18), 1, 2);
        await rig.Pipeline.NextAsync();
        Task b = rig.GenerateAsync("b", Rig.Prompt(2, 18), 1, 2);
        Task c = rig.GenerateAsync("c", Rig.Prompt(3, 2), 1, 2);
        rig.Pipeline.LetThrough();
        // a holds five of eight pages; b needs five and waits, and so does c behind it.
        Assert.Equal(1, (await rig.Pipeline.NextAsync()).Forward.Rows);
        Assert.Equal(2, rig.Scheduler.Stats.Waiting);
        rig.Pipeline.LetThrough();
        Assert.Equal(20, (await rig.Pipeline.NextAsync()).Forward.Rows);
        rig.Pipeline.Open();
        await Task.WhenAll(a, b, c);
    }

    [Fact]
    public async Task Stats_count_what_happened()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxBatchTokens = 8 });
        await rig.GenerateAsync("a", Rig.Prompt(1, 19), 1, 3);
        SchedulerStats stats = rig.Scheduler.Stats;
        Assert.Equal((19, 2, 5), (stats.TokensPrefilled, stats.TokensDecoded, stats.Batches));
        Assert.Equal(21.0 / 5, stats.MeanBatchRows);
        Assert.Equal((6, 256), (stats.PagesUsed, stats.PagesTotal));
    }
}
