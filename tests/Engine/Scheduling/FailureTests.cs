using System.Threading.Channels;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Tests.Fakes;

namespace QuaRot.Engine.Tests.Scheduling;

/// <summary>Who suffers from a failure, who hears of it, and who goes on.</summary>
public sealed class FailureTests
{
    private const ulong BadSeed = 666;

    private readonly Channel<Exception> _heard = Channel.CreateUnbounded<Exception>();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 8)]
    [InlineData(2, 8)]
    public async Task A_row_that_cannot_be_sampled_fails_its_own_burst_only(int stages, int stepsAtOnce)
    {
        bool poisoned = true;
        await using var rig = new Rig(
            stages, stepsAtOnce: stepsAtOnce, poison: row => poisoned && row.Seed == BadSeed && row.Position == 5, onBatchFailed: e => _heard.Writer.TryWrite(e));
        rig.Pipeline.Close();
        Task<int[]> first = rig.GenerateAsync("first", [1, 2], 1, 12);
        await rig.Pipeline.NextAsync();
        Task<int[]> bad = rig.GenerateAsync("bad", [3, 4], BadSeed, 12);
        Task<int[]> last = rig.GenerateAsync("last", [5, 6], 2, 12);
        rig.Pipeline.Open();

        var e = await Assert.ThrowsAsync<PipelineFailureException>(() => bad);
        Assert.Equal("bad", e.SequenceId);
        Assert.Contains("token 0 at position 5 is NaN", e.Message);
        Assert.Equal(Rig.Expected([1, 2], 1, 12, rig.Parameters), await first);
        Assert.Equal(Rig.Expected([5, 6], 2, 12, rig.Parameters), await last);
        Assert.Same(e, await HeardAsync());
        // Its KV is gone, and asking again is safe.
        Assert.Equal(2, rig.Scheduler.Stats.Resident);
        poisoned = false;
        Assert.Equal(Rig.Expected([3, 4], BadSeed, 12, rig.Parameters), await rig.GenerateAsync("bad", [3, 4], BadSeed, 12));
        Assert.Null(rig.Scheduler.Fault);
    }

    [Fact]
    public async Task A_failed_batch_is_reported_once_however_many_bursts_it_held()
    {
        await using var rig = new Rig(
            onForward: (_, batch) => _ = batch.Rows == 2 ? throw new FormatException("broken device") : 0,
            onBatchFailed: e => _heard.Writer.TryWrite(e));
        rig.Pipeline.Close();
        Task<int[]> held = rig.GenerateAsync("held", [1, 2, 3], 1, 1);
        await rig.Pipeline.NextAsync();
        Task<int[]> a = rig.GenerateAsync("a", [1], 1, 3);
        Task<int[]> b = rig.GenerateAsync("b", [2], 1, 3);
        rig.Pipeline.Open();
        await held;
        await Assert.ThrowsAsync<PipelineFailureException>(() => a);
        await Assert.ThrowsAsync<PipelineFailureException>(() => b);
        Assert.Equal("broken device", Assert.IsType<FormatException>(await HeardAsync()).Message);
        await rig.GenerateAsync("c", [1, 2, 3], 1, 1);
        Assert.False(_heard.Reader.TryRead(out _));
    }

    [Fact]
    public async Task A_listener_that_throws_harms_nobody()
    {
        await using var rig = new Rig(
            poison: row => row.Seed == BadSeed, onBatchFailed: _ => throw new FormatException("broken log"));
        await Assert.ThrowsAsync<PipelineFailureException>(() => rig.GenerateAsync("bad", [1], BadSeed, 3));
        Assert.Equal(Rig.Expected([1], 1, 3), await rig.GenerateAsync("good", [1], 1, 3));
        Assert.Null(rig.Scheduler.Fault);
    }

    [Fact]
    public async Task A_fault_of_the_scheduler_itself_ends_every_stream_and_is_told()
    {
        var clock = new FailingClock();
        await using var rig = new Rig(
            2, options: new SchedulerOptions { MaxRunning = 2 }, time: clock, onBatchFailed: e => _heard.Writer.TryWrite(e));
        rig.Pipeline.Close();
        // The burst of one token ends, and its end reads the clock; one more runs, and one waits.
        Task<int[]> ending = rig.GenerateAsync("ending", [1], 1, 1);
        await rig.Pipeline.NextAsync();
        Task<int[]> running = rig.GenerateAsync("running", [2], 1, 5);
        await rig.Pipeline.NextAsync();
        Task<int[]> waiting = rig.GenerateAsync("waiting", [3], 1, 5);
        Assert.Null(rig.Scheduler.Fault);
        clock.Break();
        rig.Pipeline.Open();

        foreach (Task<int[]> burst in new[] { ending, running, waiting })
        {
            // A hang is what this test is for; the limit only turns it into a failure.
            await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => burst.WaitAsync(TimeSpan.FromSeconds(20)));
        }

        Assert.IsType<TimeZoneNotFoundException>(rig.Scheduler.Fault);
        Assert.Same(rig.Scheduler.Fault, await HeardAsync());
        var refused = await Assert.ThrowsAsync<ObjectDisposedException>(() => rig.GenerateAsync("more", [1], 1, 1));
        Assert.Same(rig.Scheduler.Fault, refused.InnerException);
    }

    [Fact]
    public async Task Disposing_is_no_fault()
    {
        var rig = new Rig();
        await rig.DisposeAsync();
        Assert.Null(rig.Scheduler.Fault);
    }

    [Fact]
    public async Task A_full_queue_takes_the_next_burst_of_an_answer_and_still_refuses_new_work()
    {
        await using var rig = new Rig(options: new SchedulerOptions { MaxRunning = 1, MaxQueue = 1 });
        rig.Pipeline.Close();
        Task<int[]> running = rig.GenerateAsync("a", [1], 1, 2);
        await rig.Pipeline.NextAsync();
        Task<int[]> waiting = rig.GenerateAsync("b", [2], 1, 2);
        BurstRequest next = Rig.Request("c", [3], 2) with { IsContinuation = true };
        Task<List<GeneratedToken>> going = rig.Scheduler.GenerateAsync(next).ToListAsync().AsTask();
        await Assert.ThrowsAsync<AdmissionException>(() => rig.GenerateAsync("d", [4], 1, 2));
        rig.Pipeline.Open();
        Assert.Equal(Rig.Expected([3], 7, 2), (await going).Select(t => t.TokenId));
        Assert.Equal(Rig.Expected([1], 1, 2), await running);
        Assert.Equal(Rig.Expected([2], 1, 2), await waiting);
    }

    /// <summary>What the listener of failed batches was told next; the limit turns a report that never comes into a failure.</summary>
    private Task<Exception> HeardAsync() => _heard.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
}
