namespace QuaRot.Engine.Turns;

/// <summary>How many tokens a turn asks for at a time.</summary>
/// <param name="First">Tokens of the first burst; no later one has fewer.</param>
/// <remarks>
/// A burst costs a call and a place in the scheduler's queue, whatever it holds: where a model is fast, bursts grow until they last long
/// enough. Where it is slow they stay short, so that a chat which waits for room gets it soon.
/// </remarks>
public sealed record BurstSizes(int First)
{
    /// <summary>A burst is followed by one at most so many times as large: its time holds the prompt's too, and may mislead.</summary>
    private const int Growth = 8;

    /// <summary>Most tokens of a burst.</summary>
    public int Most { get; init; } = First;

    /// <summary>How long a burst of more than <see cref="First"/> tokens is to last.</summary>
    public TimeSpan Target { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Tokens of the burst after one of <paramref name="size"/> tokens that lasted <paramref name="elapsed"/>.</summary>
    public int After(int size, TimeSpan elapsed)
    {
        double ratio = elapsed <= TimeSpan.Zero ? Growth : Math.Min(Target / elapsed, Growth);
        return Math.Clamp((int)(size * ratio), First, Most);
    }
}
