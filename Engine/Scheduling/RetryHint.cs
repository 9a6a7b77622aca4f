namespace QuaRot.Engine.Scheduling;

/// <summary>Estimates when a place in the queue becomes free: the smoothed time between the ends of bursts.</summary>
internal sealed class RetryHint(TimeProvider time)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private long _lastEnd = time.GetTimestamp();
    private double _seconds;

    /// <summary>The estimate, between 100 ms and 30 s.</summary>
    public TimeSpan Value => TimeSpan.FromSeconds(Math.Clamp(_seconds, Shortest.TotalSeconds, Longest.TotalSeconds));

    /// <summary>A burst has ended.</summary>
    public void BurstEnded()
    {
        long now = time.GetTimestamp();
        double interval = time.GetElapsedTime(_lastEnd, now).TotalSeconds;
        // An eighth of the newest: follows a change of load within a few dozen bursts, and does not jump with one of them.
        _seconds = _seconds == 0 ? interval : _seconds + ((interval - _seconds) / 8);
        _lastEnd = now;
    }
}
