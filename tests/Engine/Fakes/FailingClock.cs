namespace QuaRot.Engine.Tests.Fakes;

/// <summary>A clock that breaks once told to: the way to make the scheduler's own bookkeeping throw.</summary>
internal sealed class FailingClock : TimeProvider
{
    private volatile bool _broken;

    public void Break() => _broken = true;

    public override long GetTimestamp() => _broken ? throw new TimeZoneNotFoundException("the clock is broken") : 0;
}
