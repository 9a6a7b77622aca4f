using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>A fixed set of threads that share out the items of one loop at a time, each with scratch memory of its own.</summary>
/// <remarks>Items are handed out in any order to any thread, so an item must write only what no other item touches.</remarks>
internal sealed class WorkerPool : IDisposable
{
    private const int SpinsBeforeSleep = 200;

    private readonly Lock _runs = new();
    private readonly object _wake = new();
    private readonly Thread[] _threads;
    private readonly HostMemory?[] _scratch;
    private Job? _job;
    private bool _stopping;

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
    /// Calls body(item, worker) for each item below <paramref name="count"/>; on this thread alone when not <paramref name="parallel"/>.
    /// </summary>
    /// <remarks>Callers take turns. An exception of the body is thrown here once all items are done.</remarks>
    public void Run(int count, bool parallel, Action<int, int> body)
    {
        lock (_runs)
        {
            var job = new Job(count, body);
            if (parallel && count > 1 && Count > 1)
            {
                lock (_wake)
                {
                    _job = job;
                    Monitor.PulseAll(_wake);
                }
            }

            job.Work(worker: 0);
            job.WaitForOthers(SpinsBeforeSleep);
            lock (_wake)
            {
                _job = null;
            }

            job.ThrowIfFailed();
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
        lock (_wake)
        {
            _stopping = true;
            Monitor.PulseAll(_wake);
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

    private Thread Start(int worker)
    {
        var thread = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"quarot-cpu-{worker}" };
        thread.Start();
        return thread;
    }

    private void Loop(int worker)
    {
        Job? last = null;
        while (true)
        {
            Job job;
            lock (_wake)
            {
                while (!_stopping && (_job is null || _job == last))
                {
                    Monitor.Wait(_wake);
                }

                if (_stopping)
                {
                    return;
                }

                last = job = _job!;
            }

            job.Work(worker);
        }
    }

    /// <summary>One loop. A worker that comes late finds no item left, and the loop does not wait for it.</summary>
    private sealed class Job(int count, Action<int, int> body)
    {
        private int _next;
        private int _done;
        private Exception? _failure;

        public void Work(int worker)
        {
            int item;
            while ((item = Interlocked.Increment(ref _next) - 1) < count)
            {
                try
                {
                    body(item, worker);
                }
                catch (Exception failure)
                {
                    // Kept for the caller of Run: a worker thread must survive, and the other items must be counted as done.
                    Interlocked.CompareExchange(ref _failure, failure, null);
                }

                if (Interlocked.Increment(ref _done) == count)
                {
                    lock (this)
                    {
                        Monitor.PulseAll(this);
                    }
                }
            }
        }

        public void WaitForOthers(int spins)
        {
            for (var i = 0; i < spins && Volatile.Read(ref _done) < count; i++)
            {
                Thread.SpinWait(20);
            }

            lock (this)
            {
                while (Volatile.Read(ref _done) < count)
                {
                    Monitor.Wait(this);
                }
            }
        }

        public void ThrowIfFailed()
        {
            if (_failure is not null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
            }
        }
    }
}
