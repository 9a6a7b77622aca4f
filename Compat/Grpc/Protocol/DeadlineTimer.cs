namespace Grpc.Protocol;

/// <summary>Calls back once a point in time has passed, never before it.</summary>
internal sealed class DeadlineTimer : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(20); // a timer holds less than 50 days; longer waits go in steps
    private readonly DateTime _deadline;
    private readonly Action _expired;
    private readonly Timer _timer;

    public DeadlineTimer(DateTime deadline, Action expired)
    {
        _deadline = deadline;
        _expired = expired;
        _timer = new Timer(_ => Check(), null, Timeout.Infinite, Timeout.Infinite);
        Check();
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
    {
        var left = _deadline - DateTime.UtcNow;
        if (left <= TimeSpan.Zero)
        {
            _expired();
            return;
        }

        try
        {
            var wait = left < LongestWait ? TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)) : LongestWait;
            _timer.Change(wait, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The call ended between the tick and here: there is nothing left to watch.
            return;
        }
    }
}
