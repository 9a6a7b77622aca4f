using Orleans.Configuration;

namespace Orleans.Runtime;

/// <summary>The sending half of a silo or client: gives each call its time limit and cancellation, then hands it to the cluster.</summary>
internal sealed class GrainCaller(Func<InProcessCluster> cluster, Silo? silo, MessagingOptions options, TimeProvider time)
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
        if (!request.Has(RequestFlags.OneWay))
        {
            Watch(request, token);
        }

        return request.Response;
    }

    private void Watch(GrainRequest request, CancellationToken token)
    {
        TimeSpan limit = request.ResponseTimeout ?? options.ResponseTimeout;
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

    private void TimeOut(GrainRequest request, TimeSpan limit)
    {
        request.Fail(new TimeoutException($"Response did not arrive on time in {limit} for message: {request}."));
        if (options.CancelRequestOnTimeout)
        {
            request.SignalCancellation();
        }
    }

    private void Cancel(GrainRequest request, CancellationToken token)
    {
        if (!options.WaitForCancellationAcknowledgement)
        {
            request.FailCancelled(token);
        }

        request.SignalCancellation();
    }
}
