using System.Collections.Concurrent;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Pipeline;

/// <summary>Runs one stage on a thread of its own, so that device work never sits on a thread pool or grain turn.</summary>
/// <remarks>
/// Work is done in the order of the calls. Owns the stage: disposing drains the queue, then disposes the stage on its thread.
/// </remarks>
public sealed class StageWorker : IAsyncDisposable
{
    private readonly BlockingCollection<Action> _queue = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposed;

    /// <summary>Starts the device thread of <paramref name="stage"/>.</summary>
    public StageWorker(IModelStage stage)
    {
        Stage = stage;
        var thread = new Thread(RunQueue)
        {
            IsBackground = true,
            Name = $"stage layers {stage.Layers.Start}-{stage.Layers.End}",
        };
        thread.Start();
    }

    /// <summary>The stage; only its constant properties may be read from other threads.</summary>
    public IModelStage Stage { get; }

    /// <summary>Devices that these stages of one process lie on.</summary>
    public static int CountDevices(IEnumerable<StageWorker> workers) => workers.DistinctBy(worker => worker.Stage.DeviceName).Count();

    /// <summary>Runs one step of a batch, and samples when this is the last stage.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="input">[rows, hidden] of the stage before, null for the first stage; the caller disposes it after the task has
    /// ended.</param>
    public Task<StageOutput> RunAsync(StageBatch batch, Activations? input)
    {
        return InvokeAsync(stage => Run(stage, batch, input));
    }

    /// <summary>Runs all steps of a batch on this stage, the first one, and those behind it, whose threads wait meanwhile.</summary>
    /// <param name="batch">Decode steps.</param>
    /// <param name="following">The other stages in layer order; none where this one is the whole model.</param>
    public async Task<SampledToken[]> RunStepsAsync(StageBatch batch, IReadOnlyList<StageWorker> following)
    {
        // All in the order of the layers, the first stage last: whoever waits here waits for a batch that needs nothing more of what is lent already.
        var loans = new List<StageLoan>();
        try
        {
            foreach (StageWorker worker in following)
            {
                loans.Add(await worker.LendAsync().ConfigureAwait(false));
            }

            IModelStage[] stages = [.. loans.Select(loan => loan.Stage)];
            return await InvokeAsync(stage => stage.Decode(batch.Forward, batch.Sampling, batch.Steps, stages).SelectMany(step => step).ToArray())
                .ConfigureAwait(false);
        }
        finally
        {
            loans.ForEach(loan => loan.Dispose());
        }
    }

    /// <summary>As <see cref="RunAsync"/>, with the input as host values that came from another process.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="input">[rows, hidden], row-major; must stay unchanged until the task has ended.</param>
    public Task<StageOutput> RunImportedAsync(StageBatch batch, ReadOnlyMemory<float> input)
    {
        return InvokeAsync(stage =>
        {
            using Activations imported = stage.Import(input.Span, batch.Forward.Rows);
            return Run(stage, batch, imported);
        });
    }

    /// <summary>Runs <paramref name="work"/> on the device thread, after what was asked before; its exception goes to the task.</summary>
    /// <exception cref="ObjectDisposedException">The worker is disposed.</exception>
    public Task<T> InvokeAsync<T>(Func<IModelStage, T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            _queue.Add(() => Complete(done, work));
        }
        catch (InvalidOperationException)
        {
            // Adding after CompleteAdding: the one way in which Add of an unbounded collection fails.
            throw new ObjectDisposedException(nameof(StageWorker));
        }

        return done.Task;
    }

    /// <summary>Refuses new work, finishes what is queued, disposes the stage and ends the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _queue.CompleteAdding();
        }

        await _ended.Task.ConfigureAwait(false);
    }

    private Task<StageLoan> LendAsync()
    {
        var lent = new TaskCompletionSource<StageLoan>(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = InvokeAsync(stage =>
        {
            var loan = new StageLoan(stage);
            lent.SetResult(loan);
            loan.WaitForReturn();
            return loan;
        });
        return lent.Task;
    }

    private static StageOutput Run(IModelStage stage, StageBatch batch, Activations? input)
    {
        Activations output = stage.Forward(batch.Forward, input);
        if (!stage.IsLast)
        {
            return new StageOutput(output, null);
        }

        using (output)
        {
            return new StageOutput(null, batch.Sampling.Length == 0 ? [] : stage.Sample(output, batch.Sampling));
        }
    }

    private void Complete<T>(TaskCompletionSource<T> done, Func<IModelStage, T> work)
    {
        try
        {
            done.SetResult(work(Stage));
        }
        catch (Exception e)
        {
            // Any fault of the device belongs to the one who asked; the thread goes on with the next item.
            done.SetException(e);
        }
    }

    private void RunQueue()
    {
        foreach (Action work in _queue.GetConsumingEnumerable())
        {
            work();
        }

        try
        {
            Stage.Dispose();
            _ended.SetResult();
        }
        catch (Exception e)
        {
            // The one who disposes the worker hears of a stage that could not be disposed.
            _ended.SetException(e);
        }
    }
}
