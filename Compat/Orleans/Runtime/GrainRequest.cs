namespace Orleans.Runtime;

/// <summary>How a request mixes with others on its activation.</summary>
[Flags]
internal enum RequestFlags
{
    None = 0,
    ReadOnly = 1,
    AlwaysInterleave = 2,
}

/// <summary>What a request does on its activation.</summary>
internal delegate ValueTask<object?> RequestBody(Activation activation, GrainRequest request);

/// <summary>One call under way: from the caller's send to the response.</summary>
internal sealed class GrainRequest(GrainId target, string method, RequestFlags flags, RequestBody body)
{
    private readonly TaskCompletionSource<object?> _response = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private CancellationTokenSource? _calleeCancellation;
    private Activation? _runningOn;
    private bool _cancelled;

    public GrainId Target { get; } = target;

    /// <summary>Null: the caller's options decide.</summary>
    public TimeSpan? ResponseTimeout { get; init; }

    public Task<object?> Response => _response.Task;

    /// <summary>The token the callee sees; asked for before the request is sent, where the method takes one.</summary>
    public CancellationToken CalleeToken => (_calleeCancellation ??= new CancellationTokenSource()).Token;

    public override string ToString() => $"Request {method} to grain {Target}";

    public bool Has(RequestFlags flag) => (flags & flag) != 0;

    public ValueTask<object?> Run(Activation activation)
    {
        bool cancelled;
        lock (_gate)
        {
            _runningOn = activation;
            cancelled = _cancelled;
        }

        return cancelled ? throw new OperationCanceledException($"{this} was cancelled before it began.") : body(activation, this);
    }

    public void Complete(object? result) => _response.TrySetResult(result);

    public void Fail(Exception error) => _response.TrySetException(error);

    /// <summary>Ends the caller's wait.</summary>
    public void FailCancelled(CancellationToken token) => _response.TrySetCanceled(token);

    /// <summary>Cancels the callee's token, in a turn of its activation.</summary>
    public void SignalCancellation()
    {
        Activation? activation;
        lock (_gate)
        {
            _cancelled = true;
            activation = _runningOn;
        }

        if (_calleeCancellation is { } source && activation is not null)
        {
            activation.Post(source.Cancel);
        }
    }
}
