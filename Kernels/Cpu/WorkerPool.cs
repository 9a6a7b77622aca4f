using System.Diagnostics;
using System.Runtime.ExceptionServices;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>A fixed set of threads that share out the items of one loop at a time, each with scratch memory of its own.</summary>
/// <remarks>
/// Items are handed out in any order to any thread, so an item must write only what no other item touches. A decode step is some 300 loops
/// of a few microseconds, far less than waking a thread takes: a thread that has nothing to do looks for work for a while before it sleeps.
/// A loop never waits for a thread that took no item. Running a loop allocates nothing once a loop of its kind has run.
/// </remarks>
internal sealed class WorkerPool : IDisposable
{
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    private readonly Lock _runs = new();
    private readonly object _sleep = new();
    private readonly Dictionary<Type, Job> _jobs = [];
    private readonly Thread[] _threads;
    private readonly HostMemory?[] _scratch;
    private Job? _job;
    private Exception? _failure;
    private int _count;
    private int _remaining;
    private int _done;
    private int _sleepers;
    private volatile bool _stopping;

    /// <summary>Starts threads - 1 workers; the caller of <see cref="Run"/> is the last one.</summary>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _scratch = new HostMemory?[threads];
        _threads = [.. Enumerable.Range(1, threads - 1).Select(Start)];
    }

    /// <summary>Threads that work on a loop.</summary>
    public int Count => _scratch.Length;

    /// <summary>
    /// Runs each item below <paramref name="count"/>; on this thread alone when not <paramref name="parallel"/>.
    /// </summary>
    /// <remarks>Callers take turns. An exception of an item is thrown here once all items are done.</remarks>
    public void Run<TWork>(int count, bool parallel, in TWork work)
        where TWork : struct, IWork
    {
        lock (_runs)
        {
            if (!parallel || count <= 1 || Count == 1)
            {
                for (var item = 0; item < count; item++)
                {
                    work.Run(item, worker: 0);
                }

                return;
            }

            var job = JobOf<TWork>();
            job.Work = work;
            Publish(job, count);
            WorkOff(worker: 0);
            WaitForOthers();
            job.Work = default;
            if (Interlocked.Exchange(ref _failure, null) is { } failure)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }

    /// <summary>At least <paramref name="bytes"/> of memory that only the item now running on this worker uses.</summary>
    public unsafe byte* Scratch(int worker, long bytes)
    {
        if (_scratch[worker] is not { } memory || memory.Bytes < bytes)
        {
            _scratch[worker]?.Dispose();
            memory = _scratch[worker] = new HostMemory(bytes);
        }

        return memory.Pointer;
    }

    public void Dispose()
    {
        _stopping = true;
        lock (_sleep)
        {
            Monitor.PulseAll(_sleep);
        }

        foreach (var thread in _threads)
        {
            thread.Join();
        }

        foreach (var memory in _scratch)
        {
            memory?.Dispose();
        }
    }

    private Job<TWork> JobOf<TWork>()
        where TWork : struct, IWork
    {
        if (!_jobs.TryGetValue(typeof(TWork), out var job))
        {
            _jobs[typeof(TWork)] = job = new Job<TWork>();
        }

        return (Job<TWork>)job;
    }

    private Thread Start(int worker)
    {
        var thread = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"quarot-cpu-{worker}" };
        thread.Start();
        return thread;
    }

    /// <summary>No thread reads these fields before it took an item, and none can take one before the last write here.</summary>
    private void Publish(Job job, int count)
    {
        (_job, _count, _done) = (job, count, 0);
        Interlocked.Exchange(ref _remaining, count);
        WakeSleepers();
    }

    private void Loop(int worker)
    {
        while (!_stopping)
        {
            WorkOff(worker);
            if (!Spin(worker: true))
            {
                Sleep(worker: true);
            }
        }
    }

    private void WorkOff(int worker)
    {
        int left;
        while ((left = Volatile.Read(ref _remaining)) > 0)
        {
            if (Interlocked.CompareExchange(ref _remaining, left - 1, left) != left)
            {
                continue;
            }

            // The item is ours, so its loop cannot end before it is done: the fields below belong to it.
            try
            {
                _job!.Run(_count - left, worker);
            }
            catch (Exception failure)
            {
                // Kept for the caller of Run: a worker thread must survive, and the other items must be counted as done.
                Interlocked.CompareExchange(ref _failure, failure, null);
            }

            var count = _count;
            if (Interlocked.Increment(ref _done) == count)
            {
                WakeSleepers();
            }
        }
    }

    private void WaitForOthers()
    {
        if (!Spin(worker: false))
        {
            Sleep(worker: false);
        }
    }

    /// <summary>What a thread waits for: a worker for items, the caller for the end of its loop.</summary>
    private bool IsOver(bool worker) => worker
        ? Volatile.Read(ref _remaining) > 0 || _stopping
        : Volatile.Read(ref _done) == _count;

    private bool Spin(bool worker)
    {
        var end = Stopwatch.GetTimestamp() + SpinTicks;
        do
        {
            for (var i = 0; i < 16; i++)
            {
                if (IsOver(worker))
                {
                    return true;
                }

                Thread.SpinWait(2);
            }
        }
        while (Stopwatch.GetTimestamp() < end);
        return false;
    }

    /// <summary>Whoever ends the wait changes its condition first and looks for sleepers then; a sleeper does it the other way round.</summary>
    private void Sleep(bool worker)
    {
        lock (_sleep)
        {
            Interlocked.Increment(ref _sleepers);
            while (!IsOver(worker))
            {
                Monitor.Wait(_sleep);
            }

            Interlocked.Decrement(ref _sleepers);
        }
    }

    private void WakeSleepers()
    {
        if (Volatile.Read(ref _sleepers) > 0)
        {
            lock (_sleep)
            {
                Monitor.PulseAll(_sleep);
            }
        }
    }

    private abstract class Job
    {
        public abstract void Run(int item, int worker);
    }

    private sealed class Job<TWork> : Job
        where TWork : struct, IWork
    {
        public TWork Work;

        public override void Run(int item, int worker) => Work.Run(item, worker);
    }
}
