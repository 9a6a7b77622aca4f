namespace QuaRot.Grains.Sessions;

/// <summary>A turn under way: how to end it, and when it has ended.</summary>
internal sealed class RunningTurn : IDisposable
{
    private readonly CancellationTokenSource _cancellation;
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Begins a turn that <paramref name="client"/> may cancel.</summary>
    public RunningTurn(CancellationToken client)
    {
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(client);
        _cancellation.Token.Register(() => _cancelled.TrySetResult());
    }

    /// <summary>Cancelled by the client, or by the deletion of the session.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>The session is being deleted: nothing may be stored any more.</summary>
    public bool IsDeleted { get; private set; }

    /// <summary>Completes when the turn was cancelled or has ended.</summary>
    public Task CancelledOrEnded => Task.WhenAny(_cancelled.Task, _ended.Task);

    /// <summary>Completes when the turn has stored what it had to store.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Ends the turn for good, without storing anything.</summary>
    public void Delete()
    {
        IsDeleted = true;
        _cancellation.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.TrySetResult();
        _cancellation.Dispose();
    }
}
