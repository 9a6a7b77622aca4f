using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Runtime;

/// <summary>The one instance of a grain in the cluster: its request queue, its turns and its life.</summary>
internal sealed partial class Activation : IGrainContext
{
    private readonly Lock _gate = new();
    private readonly LinkedList<GrainRequest> _waiting = [];
    private readonly List<GrainRequest> _running = [];
    private readonly TaskCompletionSource _deactivated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly AsyncServiceScope _scope;
    private readonly ActivationScheduler _scheduler;
    private State _state = State.Activating;

    public Activation(Silo silo, GrainClass grainClass, GrainId id)
    {
        Silo = silo;
        Class = grainClass;
        GrainId = id;
        GrainReference = GrainReference.Create(silo.Caller, id, typeof(IAddressable));
        Streams = new StreamTable(this);
        _scheduler = new ActivationScheduler(this);
        _scope = silo.Services.CreateAsyncScope();
        _idleSince = silo.Time.GetUtcNow();
    }

    private enum State
    {
        Activating,
        Valid,
        Deactivating,
        Gone,
    }

    /// <summary>The activation whose turn this thread runs.</summary>
    public static Activation? Current => ActivationScheduler.CurrentActivation;

    public Silo Silo { get; }

    public GrainClass Class { get; }

    public GrainId GrainId { get; }

    public GrainReference GrainReference { get; }

    public IGrainBase? GrainInstance { get; private set; }

    public IServiceProvider ActivationServices => _scope.ServiceProvider;

    public StreamTable Streams { get; }

    public Task Deactivated => _deactivated.Task;

    public override string ToString() => $"Activation of {GrainId} on {Silo.SiloAddress}";

    /// <summary>Takes a request in, to run as soon as it may.</summary>
    /// <returns>False when the activation is gone: another one has to take it.</returns>
    public bool TryEnqueue(GrainRequest request)
    {
        lock (_gate)
        {
            if (_state == State.Gone)
            {
                return false;
            }

            // Those that already wait were looked at when the last request ended; only the new one can have become runnable.
            if (_state == State.Valid && MayRun(request))
            {
                StartRequest(request);
            }
            else
            {
                _waiting.AddLast(request);
            }

            return true;
        }
    }

    /// <summary>Runs an action as a turn of its own, between other turns.</summary>
    public void Post(Action action) => Start(() =>
    {
        action();
        return Task.CompletedTask;
    });

    private void Start(Func<Task> turn)
    {
        // A grain's turns belong to no caller: nothing of the caller's execution context may leak into them.
        if (ExecutionContext.IsFlowSuppressed())
        {
            Task.Factory.StartNew(turn, CancellationToken.None, TaskCreationOptions.None, _scheduler);
            return;
        }

        using (ExecutionContext.SuppressFlow())
        {
            Task.Factory.StartNew(turn, CancellationToken.None, TaskCreationOptions.None, _scheduler);
        }
    }

    private void StartRequest(GrainRequest request)
    {
        _running.Add(request);
        Start(() => RunAsync(request));
    }

    /// <summary>Starts what may run, first come first served; a request that may interleave overtakes those that may not.</summary>
    /// <param name="all">False: stops at the first request that excludes the rest.</param>
    private void StartRunnable(bool all)
    {
        for (LinkedListNode<GrainRequest>? node = _waiting.First; node is not null && _state == State.Valid;)
        {
            LinkedListNode<GrainRequest> current = node;
            node = node.Next;
            if (!MayRun(current.Value))
            {
                continue;
            }

            _waiting.Remove(current);
            StartRequest(current.Value);
            if (!all && !Class.Reentrant && !current.Value.Has(RequestFlags.AlwaysInterleave | RequestFlags.ReadOnly))
            {
                return;
            }
        }
    }

    private bool MayRun(GrainRequest request)
    {
        if (Class.Reentrant || request.Has(RequestFlags.AlwaysInterleave))
        {
            return true;
        }

        foreach (GrainRequest running in _running)
        {
            bool mixes = running.Has(RequestFlags.AlwaysInterleave)
                || (running.Has(RequestFlags.ReadOnly) && request.Has(RequestFlags.ReadOnly));
            if (!mixes)
            {
                return false;
            }
        }

        return true;
    }

    private async Task RunAsync(GrainRequest request)
    {
        try
        {
            // A caller that gave up while the request waited gets nothing done.
            if (!request.Response.IsCompleted)
            {
                request.Complete(await request.Run(this));
            }
        }
        catch (Exception error)
        {
            // Policy: every exception of grain code goes to the caller, as a copy.
            if (error is Storage.InconsistentStateException { IsSourceActivation: true } conflict)
            {
                conflict.IsSourceActivation = false;
                Deactivate(new(DeactivationReasonCode.ApplicationError, error, "Its state in storage was changed by somebody else."));
            }

            request.Fail(CopyError(error));
        }
        finally
        {
            Finished(request);
        }
    }

    /// <summary>A copy for the caller; where none can be made, the reason why.</summary>
    public static Exception CopyError(Exception error)
    {
        try
        {
            return (Exception)Serialization.Copier.DeepCopy(error)!;
        }
        catch (Serialization.CodecNotFoundException unserializable)
        {
            return unserializable;
        }
    }

    private void Finished(GrainRequest request)
    {
        lock (_gate)
        {
            _running.Remove(request);
            _idleSince = Silo.Time.GetUtcNow();
            StartRunnable(all: false);
            FinishWhenIdle();
        }
    }
}
