using System.Runtime.InteropServices;
using QuaRot.Contracts.Shards;
using QuaRot.Kernels;

namespace QuaRot.Grains.Shards;

/// <summary>Hands a batch to the stage behind: by link within a silo, as bytes to another one.</summary>
internal sealed class NextStage(IShardGrain grain, ActivationLinks links, string ownSilo)
{
    private volatile ShardStatus? _status;

    /// <summary>Sends the batch on; takes over <paramref name="activations"/>.</summary>
    public async Task<SampledTokens> ForwardAsync(StageCall call, Activations activations)
    {
        // From here on the link owns the activations: whoever takes it disposes them, and what nobody took is withdrawn.
        var link = links.Put(activations);
        try
        {
            var status = _status ??= await grain.Status();
            var addressed = call with { Incarnation = status.Incarnation, Link = link, Hidden = [] };
            return await grain.Forward(status.Silo == ownSilo ? addressed : addressed with { Link = 0, Hidden = Bytes(link) });
        }
        catch
        {
            // The stage may have moved or lost its KV: ask again before the next batch. The lead, who hears of this, prefills everything anew.
            _status = null;
            throw;
        }
        finally
        {
            links.Withdraw(link);
        }
    }

    private byte[] Bytes(long link)
    {
        using var activations = links.Take(link);
        var bytes = new byte[checked(activations.Rows * activations.Width * sizeof(float))];
        activations.CopyTo(MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
        return bytes;
    }
}
