using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Tests.Fakes;

namespace QuaRot.Engine.Tests.Scheduling;

/// <summary>How bursts end: stop tokens, limits, refusal, cancellation, failure, shutdown.</summary>
public sealed class BurstLifeTests
{
    [Fact]
    public async Task A_stop_token_is_yielded_and_ends_the_burst()
    {
        await using var rig = new Rig();
        int[] prompt = Rig.Prompt(1, 5);
        int[] expected = Rig.Expected(prompt, 7, 10);
        int stop = expected[6];
        int first = Array.IndexOf(expected, stop);
        BurstRequest request = Rig.Request("a", prompt, 10) with { StopTokenIds = [stop] };
        List<GeneratedToken> tokens = await rig.Scheduler.GenerateAsync(request).ToListAsync();
        Assert.Equal(expected[..(first + 1)], tokens.Select(t => t.TokenId));
        Assert.True(tokens[^1].IsStop);
        Assert.DoesNotContain(tokens.SkipLast(1), t => t.IsStop);
    }

    [Fact]
    public async Task Log_probabilities_arrive_with_the_token()
    {
        await using var rig = new Rig();
        BurstRequest request = Rig.Request("a", [1, 2], 2) with { Sampling = Rig.Sampling with { LogProbs = 3 } };
        List<GeneratedToken> tokens = await rig.Scheduler.GenerateAsync(request).ToListAsync();
        Assert.All(tokens, token => Assert.Equal(3, token.Top.Count));
        Assert.All(tokens, token => Assert.InRange(token.LogProb, -20f, 0f));
    }

    [Fact]
    public async Task A_history_that_can_never_fit_is_refused_with_the_excess()
    {
        await using var rig = new Rig(pageSize: 4, pageCount: 4);
        var e = await Assert.ThrowsAsync<ContextOverflowException>(() => rig.GenerateAsync("a", Rig.Prompt(1, 18), 1, 1));
        Assert.Equal((18, 16), (e.Tokens, e.Limit));
        Assert.Contains("3 too many", e.Message);
        // One less than the limit fits, and the burst ends where the context does.
        List<GeneratedToken> tokens = await rig.Scheduler.GenerateAsync(Rig.Request("a", Rig.Prompt(1, 13), 100)).ToListAsync();
        Assert.Equal([13, 14, 15], tokens.Select(t => t.Position));
    }

    [Fact]
    public async Task The_model_limit_holds_where_pages_would_allow_more()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxContext = 10 });
        Assert.Equal(10, rig.Scheduler.ContextLimit);
        await Assert.ThrowsAsync<ContextOverflowException>(() => rig.GenerateAsync("a", Rig.Prompt(1, 10), 1, 1));
    }

    [Fact]
    public async Task A_full_queue_refuses_with_limit_and_hint_and_harms_nobody()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxRunning = 1, MaxQueue = 1 });
        rig.Pipeline.Close();
        Task<int[]> running = rig.GenerateAsync("a", [1], 1, 2);
        await rig.Pipeline.NextAsync();
        Task<int[]> waiting = rig.GenerateAsync("b", [2], 1, 2);
        var e = await Assert.ThrowsAsync<AdmissionException>(() => rig.GenerateAsync("c", [3], 1, 2));
        Assert.Equal(1, e.Limit);
        Assert.InRange(e.RetryAfter, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30));
        rig.Pipeline.Open();
        Assert.Equal(Rig.Expected([1], 1, 2), await running);
        Assert.Equal(Rig.Expected([2], 1, 2), await waiting);
    }

    [Fact]
    public async Task A_second_burst_of_a_sequence_is_refused_while_the_first_runs()
    {
        await using var rig = new Rig();
        rig.Pipeline.Close();
        Task<int[]> first = rig.GenerateAsync("a", [1], 1, 3);
        var e = await Assert.ThrowsAsync<SequenceBusyException>(() => rig.GenerateAsync("a", [1], 1, 3));
        Assert.Equal("a", e.SequenceId);
        rig.Pipeline.Open();
        Assert.Equal(Rig.Expected([1], 1, 3), await first);
    }

    [Fact]
    public async Task Cancellation_stops_at_the_next_step_and_keeps_what_was_computed()
    {
        await using var rig = new Rig();
        rig.Pipeline.Close();
        using var cancel = new CancellationTokenSource();
        int[] prompt = Rig.Prompt(1, 6);
        Task<List<GeneratedToken>> burst = rig.Scheduler.GenerateAsync(Rig.Request("a", prompt, 50), cancel.Token).ToListAsync().AsTask();
        await rig.Pipeline.NextAsync();
        cancel.Cancel();
        Assert.False(burst.IsCompleted);
        rig.Pipeline.LetThrough();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => burst);
        Assert.Null(rig.Pipeline.TryNext());
        SchedulerStats stats = rig.Scheduler.Stats;
        Assert.Equal((0, 1, 2), (stats.Running, stats.Resident, stats.PagesUsed));

        rig.Pipeline.Open();
        Assert.Equal(Rig.Expected(prompt, 7, 5), await rig.GenerateAsync("a", prompt, 7, 5));
        Assert.Equal(6, rig.Scheduler.Stats.TokensPrefilled);
    }

    [Fact]
    public async Task Cancelling_a_waiting_burst_ends_it_at_once()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxRunning = 1 });
        rig.Pipeline.Close();
        Task<int[]> running = rig.GenerateAsync("a", [1], 1, 2);
        await rig.Pipeline.NextAsync();
        using var cancel = new CancellationTokenSource();
        Task waiting = rig.Scheduler.GenerateAsync(Rig.Request("b", [2], 5), cancel.Token).ToListAsync().AsTask();
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, rig.Scheduler.Stats.Waiting);
        rig.Pipeline.Open();
        await running;
    }

    [Fact]
    public async Task A_failed_batch_fails_its_own_sequences_and_drops_their_kv()
    {
        // The fourth chunk of the long prompt breaks the second stage; three chunks of KV are there by then.
        await using var rig = new Rig(2, options: new SchedulerOptions { MaxBatchTokens = 8 }, onForward: (stage, batch) =>
        {
            if (stage == 1 && batch.Positions.Contains(30))
            {
                throw new FormatException("broken device");
            }
        });
        rig.Pipeline.Close();
        Task<int[]> good = rig.GenerateAsync("good", [1, 2], 1, 12);
        await rig.Pipeline.NextAsync();
        Task<int[]> bad = rig.GenerateAsync("bad", Rig.Prompt(1, 40), 1, 12);
        rig.Pipeline.Open();
        var e = await Assert.ThrowsAsync<PipelineFailureException>(() => bad);
        Assert.Equal("bad", e.SequenceId);
        Assert.Contains("broken device", e.Message);
        Assert.Equal(Rig.Expected([1, 2], 1, 12), await good);
        Assert.Equal(1, rig.Scheduler.Stats.Resident);
        Assert.Equal(Rig.Expected([5, 2], 1, 3), await rig.GenerateAsync("bad", [5, 2], 1, 3));
    }

    [Fact]
    public async Task Release_frees_an_idle_sequence_at_once_and_a_running_one_at_its_end()
    {
        await using var rig = new Rig();
        await rig.GenerateAsync("a", [1], 1, 2);
        rig.Scheduler.Release("a");
        Assert.Equal(0, rig.Scheduler.Stats.PagesUsed);

        rig.Pipeline.Close();
        Task<int[]> running = rig.GenerateAsync("b", [1], 1, 4);
        rig.Scheduler.Release("b");
        rig.Scheduler.Release("unknown");
        rig.Pipeline.Open();
        Assert.Equal(Rig.Expected([1], 1, 4), await running);
        Assert.Equal(0, rig.Scheduler.Stats.PagesUsed);
    }

    [Fact]
    public async Task Disposing_ends_every_burst_after_the_batch_under_way()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxRunning = 1 });
        rig.Pipeline.Close();
        Task<int[]> running = rig.GenerateAsync("a", [1], 1, 50);
        await rig.Pipeline.NextAsync();
        Task<int[]> waiting = rig.GenerateAsync("b", [1], 1, 50);
        Task disposing = rig.Scheduler.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.False(disposing.IsCompleted);
        rig.Pipeline.Open();
        await disposing;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => rig.GenerateAsync("c", [1], 1, 1));
    }

    [Theory]
    [MemberData(nameof(BadRequests))]
    public async Task A_malformed_request_names_its_field(string field, BurstRequest request)
    {
        await using var rig = new Rig();
        var e = await Assert.ThrowsAnyAsync<ArgumentException>(() => rig.Scheduler.GenerateAsync(request).ToListAsync().AsTask());
        Assert.Contains(field, e.Message);
    }

    public static TheoryData<string, BurstRequest> BadRequests()
    {
        BurstRequest good = Rig.Request("a", [1], 1);
        return new TheoryData<string, BurstRequest>
        {
            { "SequenceId", good with { SequenceId = "" } },
            { "Tokens", good with { Tokens = [] } },
            { "MaxTokens", good with { MaxTokens = 0 } },
            { "Temperature", good with { Sampling = new SamplingParameters { Temperature = -1f } } },
            { "Temperature", good with { Sampling = new SamplingParameters { Temperature = float.NaN } } },
            { "TopK", good with { Sampling = new SamplingParameters { TopK = -1 } } },
            { "TopP", good with { Sampling = new SamplingParameters { TopP = 0f } } },
            { "MinP", good with { Sampling = new SamplingParameters { MinP = 1.1f } } },
            { "RepetitionPenalty must be between 0.01 and 10", Penalised(0f) },
            { "RepetitionPenalty must be between 0.01 and 10", Penalised(float.Epsilon) },
            { "RepetitionPenalty must be between 0.01 and 10", Penalised(0.0099f) },
            { "RepetitionPenalty must be between 0.01 and 10", Penalised(10.1f) },
            { "RepetitionPenalty must be between 0.01 and 10", Penalised(float.NaN) },
            { "LogProbs", good with { Sampling = new SamplingParameters { LogProbs = 21 } } },
        };
    }

    [Theory]
    [InlineData(0.01f)]
    [InlineData(10f)]
    public void The_ends_of_the_penalty_range_are_allowed(float penalty) => Penalised(penalty).Validate();

    private static BurstRequest Penalised(float penalty)
    {
        return Rig.Request("a", [1], 1) with { Sampling = new SamplingParameters { RepetitionPenalty = penalty } };
    }
}
