namespace Orleans.Runtime;

/// <summary>The sending half of a silo or client: gives each call its time limit and cancellation, then hands it to the cluster.</summary>
internal sealed class GrainCaller(Func<InProcessCluster> cluster, Silo? silo, TimeSpan responseTimeout, TimeProvider time)
{
    /// <returns>The response: a copy of the result, or the callee's exception.</returns>
    /// <exception cref="TimeoutException">(From the task.) No response in time; the callee may still run.</exception>
    public Task<object?> Send(GrainRequest request, CancellationToken token = default)
    {
        if (silo?.Status == SiloStatus.Dead)
        {
            request.Fail(new SiloUnavailableException($"{request} was not sent: its caller's silo {silo.SiloAddress} is dead."));
            return request.Response;
        }

        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled<object?>(token);
        }

        cluster().Dispatch(request, silo);
        Watch(request, token);
        return request.Response;
    }

    private void Watch(GrainRequest request, CancellationToken token)
    {
        TimeSpan limit = request.ResponseTimeout ?? responseTimeout;
        ITimer? timer = limit == Timeout.InfiniteTimeSpan
            ? null
            : time.CreateTimer(_ => TimeOut(request, limit), null, limit, Timeout.InfiniteTimeSpan);
        CancellationTokenRegistration cancellation = token.UnsafeRegister(_ => Cancel(request, token), null);
        request.Response.ContinueWith(
            _ =>
            {
                timer?.Dispose();
                cancellation.Unregister();
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private static void TimeOut(GrainRequest request, TimeSpan limit) =>
        request.Fail(new TimeoutException($"Response did not arrive on time in {limit} for message: {request}."));

    private static void Cancel(GrainRequest request, CancellationToken token)
    {
        request.FailCancelled(token);
        request.SignalCancellation();
    }
}
