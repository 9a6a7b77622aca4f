using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Tests.Fakes;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Tests.Pipeline;

public sealed class StageWorkerTests
{
    private static readonly LayerRange All = new(0, FakeModel.Layers);

    [Fact]
    public async Task Work_is_done_in_order_on_one_thread_that_is_no_pool_thread()
    {
        await using var worker = new StageWorker(new FakeStage(All, 4, 4));
        var order = new List<int>();
        Task<(int Thread, bool Pool)>[] calls = [.. Enumerable.Range(0, 50).Select(i => worker.InvokeAsync(_ =>
        {
            order.Add(i);
            return (Environment.CurrentManagedThreadId, Thread.CurrentThread.IsThreadPoolThread);
        }))];
        (int Thread, bool Pool)[] results = await Task.WhenAll(calls);
        Assert.Equal(Enumerable.Range(0, 50), order);
        Assert.Single(results.Distinct());
        Assert.False(results[0].Pool);
    }

    [Fact]
    public async Task The_last_stage_samples_and_a_chunk_without_output_gives_no_tokens()
    {
        await using var worker = new StageWorker(new FakeStage(All, 4, 4));
        StageOutput chunk = await worker.RunAsync(Batch([3, 4], 0, sample: false), null);
        Assert.Empty(chunk.Tokens!);
        Assert.Null(chunk.Activations);
        StageOutput last = await worker.RunAsync(Batch([5], 2, sample: true), null);
        int expected = TokenSampler.Sample(FakeModel.LogitsAfter([3, 4, 5]), new SamplingRow { Position = 3 }).TokenId;
        Assert.Equal(expected, Assert.Single(last.Tokens!).TokenId);
    }

    [Fact]
    public async Task Values_from_another_process_give_the_same_tokens()
    {
        FakeStage[] stages = FakeStage.Chain(2, 4, 4);
        await using var first = new StageWorker(stages[0]);
        await using var second = new StageWorker(stages[1]);
        StageBatch batch = Batch([3, 4, 5], 0, sample: true);
        StageOutput handed = await first.RunAsync(batch, null);
        float[] wire = new float[3];
        handed.Activations!.CopyTo(wire);
        handed.Activations.Dispose();
        StageOutput output = await second.RunImportedAsync(batch, wire);
        int expected = TokenSampler.Sample(FakeModel.LogitsAfter([3, 4, 5]), new SamplingRow { Position = 3 }).TokenId;
        Assert.Equal(expected, Assert.Single(output.Tokens!).TokenId);
    }

    [Fact]
    public async Task Steps_through_several_stages_borrow_the_stages_behind_and_give_them_back()
    {
        FakeStage[] stages = FakeStage.Chain(3, 4, 4);
        StageWorker[] workers = [.. stages.Select(stage => new StageWorker(stage))];
        using var gate = new ManualResetEventSlim();
        Task<int> busy = workers[1].InvokeAsync(_ =>
        {
            gate.Wait();
            return 1;
        });
        Task<SampledToken[]> steps = workers[0].RunStepsAsync(Batch([3], 0, sample: true) with { Steps = 4 }, workers[1..]);
        // What was asked of the middle stage before goes first, what comes now goes behind the steps.
        Task<bool> behind = workers[2].InvokeAsync(_ => steps.IsCompleted);
        Assert.False(steps.IsCompleted);
        gate.Set();
        await busy;
        var tokens = new List<int> { 3 };
        foreach (SampledToken token in await steps)
        {
            Assert.Equal(TokenSampler.Sample(FakeModel.LogitsAfter(tokens), new SamplingRow { Position = tokens.Count }).TokenId, token.TokenId);
            tokens.Add(token.TokenId);
        }

        Assert.Equal(5, tokens.Count);
        await behind;
        await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        Assert.All(stages, stage => Assert.True(stage.IsDisposed));
    }

    [Fact]
    public async Task Steps_that_fail_give_the_stages_back()
    {
        FakeStage[] stages = FakeStage.Chain(2, 4, 4, onForward: (stage, batch) => _ = stage == 1 && batch.Positions[0] == 2 ? throw new FormatException("bad step") : 0);
        await using var first = new StageWorker(stages[0]);
        var second = new StageWorker(stages[1]);
        StageBatch batch = Batch([3], 0, sample: true) with { Steps = 4 };
        Assert.Equal("bad step", (await Assert.ThrowsAsync<FormatException>(() => first.RunStepsAsync(batch, [second]))).Message);
        Assert.Equal(7, await second.InvokeAsync(_ => 7));
        await second.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first.RunStepsAsync(batch, [second]));
        Assert.Equal(7, await first.InvokeAsync(_ => 7));
    }

    [Fact]
    public async Task A_fault_goes_to_its_caller_and_the_next_call_works()
    {
        await using var worker = new StageWorker(new FakeStage(All, 4, 4)
        {
            OnForward = batch => _ = batch.TokenIds[0] == 9 ? throw new FormatException("bad row") : 0,
        });
        Task<StageOutput> bad = worker.RunAsync(Batch([9], 0, sample: true), null);
        Task<StageOutput> good = worker.RunAsync(Batch([3], 0, sample: true), null);
        Assert.Equal("bad row", (await Assert.ThrowsAsync<FormatException>(() => bad)).Message);
        Assert.Single((await good).Tokens!);
    }

    [Fact]
    public async Task Disposing_finishes_what_is_queued_and_refuses_more()
    {
        var stage = new FakeStage(All, 4, 4);
        var worker = new StageWorker(stage);
        using var gate = new ManualResetEventSlim();
        Task<int> held = worker.InvokeAsync(_ =>
        {
            gate.Wait();
            return 1;
        });
        Task<StageOutput> queued = worker.RunAsync(Batch([3], 0, sample: true), null);
        Task disposing = worker.DisposeAsync().AsTask();
        Assert.False(disposing.IsCompleted);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => worker.InvokeAsync(_ => 0));
        gate.Set();
        await disposing;
        Assert.Equal(1, await held);
        Assert.Single((await queued).Tokens!);
        Assert.True(stage.IsDisposed);
        await worker.DisposeAsync();
    }

    internal static StageBatch Batch(int[] tokens, int start, bool sample) => new()
    {
        Forward = new ForwardBatch
        {
            TokenIds = tokens,
            Positions = [.. Enumerable.Range(start, tokens.Length)],
            SequenceOfRow = new int[tokens.Length],
            BlockTables = [[0, 1]],
            OutputRows = sample ? [tokens.Length - 1] : [],
        },
        Sampling = sample ? [new SamplingRow { Position = start + tokens.Length }] : [],
    };
}
