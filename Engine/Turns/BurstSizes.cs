namespace QuaRot.Engine.Turns;

/// <summary>How many tokens a turn asks for at a time.</summary>
/// <param name="First">Tokens of the first burst.</param>
/// <remarks>
/// A burst costs a call and a place in the scheduler's queue, whatever it holds: where a model is fast, bursts double until they last long
/// enough. Where it is slow they stay short, so that a chat which waits for room gets it soon.
/// </remarks>
public sealed record BurstSizes(int First)
{
    /// <summary>Most tokens of a burst.</summary>
    public int Most { get; init; } = First;

    /// <summary>A burst that took less is followed by one twice as large.</summary>
    public TimeSpan GrowsBelow { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
