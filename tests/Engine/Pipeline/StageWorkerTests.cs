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
