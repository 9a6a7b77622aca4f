namespace Orleans.Runtime;

/// <summary>Runs the tasks of one activation one at a time, in order, on the thread pool. Awaits in grain code come back to it.</summary>
internal sealed class ActivationScheduler(Activation owner) : TaskScheduler, IThreadPoolWorkItem
{
    /// <summary>So many tasks in a row, then the thread goes to others.</summary>
    private const int Burst = 64;

    [ThreadStatic]
    private static Activation? t_current;

    private readonly Queue<Task> _tasks = new();
    private bool _running;

    /// <summary>The activation whose turn this thread runs.</summary>
    public static Activation? CurrentActivation => t_current;

    void IThreadPoolWorkItem.Execute()
    {
        t_current = owner;
        try
        {
            for (int i = 0; i < Burst && TryTake(out Task task); i++)
            {
                TryExecuteTask(task);
            }
        }
        finally
        {
            t_current = null;
        }

        GiveUpThread();
    }

    protected override void QueueTask(Task task)
    {
        lock (_tasks)
        {
            _tasks.Enqueue(task);
            if (_running)
            {
                return;
            }

            _running = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        !taskWasPreviouslyQueued && t_current == owner && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_tasks)
        {
            return [.. _tasks];
        }
    }

    private bool TryTake(out Task task)
    {
        lock (_tasks)
        {
            return _tasks.TryDequeue(out task!);
        }
    }

    private void GiveUpThread()
    {
        lock (_tasks)
        {
            _running = _tasks.Count > 0;
            if (!_running)
            {
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
