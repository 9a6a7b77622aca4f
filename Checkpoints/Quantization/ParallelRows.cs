using System.Runtime.ExceptionServices;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>Runs independent rows on all cores; each worker keeps buffers of its own.</summary>
internal static class ParallelRows
{
    /// <summary>Calls <paramref name="body"/> for 0 to <paramref name="count"/> - 1, in no fixed order.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <remarks>The first failure is thrown as it is, not wrapped, so that callers can catch it by its type.</remarks>
    public static void Run<TWorker>(int count, Func<TWorker> createWorker, Action<int, TWorker> body, CancellationToken cancellation)
    {
        var options = new ParallelOptions { CancellationToken = cancellation };
        try
        {
            Parallel.For(0, count, options, createWorker, (row, _, worker) =>
            {
                body(row, worker);
                return worker;
            }, _ => { });
        }
        catch (AggregateException failures)
        {
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }
}
