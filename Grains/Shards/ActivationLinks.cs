using System.Collections.Concurrent;
using QuaRot.Kernels;

namespace QuaRot.Grains.Shards;

/// <summary>Where stages of one silo leave activations for each other, so that buffers never cross a grain call.</summary>
/// <remarks>One per silo. Whoever puts activations withdraws them again when the call did not take them.</remarks>
public sealed class ActivationLinks
{
    private readonly ConcurrentDictionary<long, Activations> _parked = new();
    private long _last;

    /// <summary>Leaves activations for another stage; the number goes with the call.</summary>
    public long Put(Activations activations)
    {
        var link = Interlocked.Increment(ref _last);
        _parked[link] = activations;
        return link;
    }

    /// <summary>Takes the activations over; the taker disposes them.</summary>
    /// <exception cref="InvalidOperationException">Nothing lies there: the call came from another silo, or was delivered twice.</exception>
    public Activations Take(long link) => _parked.TryRemove(link, out var activations)
        ? activations
        : throw new InvalidOperationException($"Activation link {link} is not of this silo, or was taken already.");

    /// <summary>Disposes what a failed call left behind; nothing happens when it was taken.</summary>
    public void Withdraw(long link)
    {
        if (_parked.TryRemove(link, out var activations))
            activations.Dispose();
    }
}
