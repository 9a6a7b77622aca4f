using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Runtime;

/// <content>Birth, collection and end of an activation.</content>
internal sealed partial class Activation
{
    private readonly List<IActivationState> _states = [];
    private DateTimeOffset _idleSince;
    private DateTimeOffset _keepAliveUntil;
    private DeactivationReason _reason;
    private bool _deactivateAtOnce;
    private bool _finishing;

    /// <summary>Begins to activate, in a turn of its own.</summary>
    public void Activate() => Start(ActivateAsync);

    public void Add(IActivationState state) => _states.Add(state);

    public void DelayDeactivation(TimeSpan span)
    {
        DateTimeOffset now = Silo.Time.GetUtcNow();
        lock (_gate)
        {
            bool always = span == Timeout.InfiniteTimeSpan || span > DateTimeOffset.MaxValue - now;
            _keepAliveUntil = always ? DateTimeOffset.MaxValue : now + span;
        }
    }

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_state == State.Activating && !_deactivateAtOnce)
            {
                _reason = deactivationReason;
                _deactivateAtOnce = true;
            }
            else if (_state == State.Valid)
            {
                _reason = deactivationReason;
                _state = State.Deactivating;
                Post(Streams.EndPolls);
                FinishWhenIdle();
            }
        }
    }

    /// <summary>Deactivates if nothing used the activation for the collection age.</summary>
    public void CollectIfIdle(DateTimeOffset now)
    {
        lock (_gate)
        {
            bool idle = _waiting.Count == 0 && _running.Count == 0 && _keepAliveUntil <= now
                && now - _idleSince >= Silo.CollectionOptions.CollectionAge;
            if (!idle)
            {
                return;
            }
        }

        Deactivate(new(DeactivationReasonCode.ActivationIdle, $"The activation was idle for {now - _idleSince}."));
    }

    /// <summary>Its silo died: no OnDeactivateAsync, and every request it has fails.</summary>
    public void Abandon(Exception error)
    {
        List<GrainRequest> lost;
        lock (_gate)
        {
            _state = State.Gone;
            lost = [.. _running, .. _waiting];
            _waiting.Clear();
        }

        Post(Streams.CancelAll);
        lost.ForEach(request => request.Fail(error));
        _deactivated.TrySetResult();
    }

    private async Task ActivateAsync()
    {
        using var limit = new CancellationTokenSource(Silo.CollectionOptions.ActivationTimeout, Silo.Time);
        try
        {
            GrainInstance = Class.CreateInstance(this);
            foreach (IActivationState state in _states)
            {
                await state.ReadStateAsync();
            }

            await GrainInstance.OnActivateAsync(limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception error)
        {
            // Policy: those who wait get the exception; the next request finds no activation and makes a new one.
            Log.ActivationFailed(Silo.Logger, error, ToString());
            await LeaveAsync(CopyError(error));
            return;
        }

        BecomeValid();
    }

    private void BecomeValid()
    {
        lock (_gate)
        {
            if (_state != State.Activating)
            {
                return;
            }

            _state = _deactivateAtOnce ? State.Deactivating : State.Valid;
            _idleSince = Silo.Time.GetUtcNow();
            StartRunnable(all: true);
            FinishWhenIdle();
        }
    }

    private void FinishWhenIdle()
    {
        if (_state == State.Deactivating && _running.Count == 0 && !_finishing)
        {
            _finishing = true;
            Start(FinishAsync);
        }
    }

    private async Task FinishAsync()
    {
        using var limit = new CancellationTokenSource(Silo.CollectionOptions.DeactivationTimeout, Silo.Time);
        try
        {
            await GrainInstance!.OnDeactivateAsync(_reason, limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception error)
        {
            // Policy: an activation that fails to say goodbye goes all the same.
            Log.DeactivationFailed(Silo.Logger, error, ToString());
        }

        await LeaveAsync(null);
    }

    /// <summary>Frees what the activation held and leaves the directory. Requests that wait fail or go to the next one.</summary>
    private async Task LeaveAsync(Exception? activationError)
    {
        await Streams.DisposeAllAsync();
        await DisposeInstanceAsync();
        List<GrainRequest> waiting;
        lock (_gate)
        {
            _state = State.Gone;
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        Silo.Cluster.Remove(this);
        foreach (GrainRequest request in waiting)
        {
            if (activationError is not null)
            {
                request.Fail(activationError);
            }
            else
            {
                Silo.Cluster.Dispatch(request, Silo);
            }
        }

        _deactivated.TrySetResult();
    }

    private async Task DisposeInstanceAsync()
    {
        try
        {
            if (GrainInstance is IAsyncDisposable asynchronous)
            {
                await asynchronous.DisposeAsync();
            }
            else if (GrainInstance is IDisposable disposable)
            {
                disposable.Dispose();
            }

            await _scope.DisposeAsync();
        }
        catch (Exception error)
        {
            // Policy: as above; what cannot be freed must not keep the grain id occupied.
            Log.DeactivationFailed(Silo.Logger, error, ToString());
        }
    }
}
