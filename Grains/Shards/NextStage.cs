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
        try
        {
            var status = _status ??= await grain.Status();
            var addressed = call with { Incarnation = status.Incarnation };
            return status.Silo == ownSilo ? await ByLink(addressed, activations) : await ByBytes(addressed, activations);
        }
        catch
        {
            // The stage may have moved or lost its KV: ask again before the next batch. The lead, who hears of this, prefills everything anew.
            _status = null;
            activations.Dispose();
            throw;
        }
    }

    private async Task<SampledTokens> ByLink(StageCall call, Activations activations)
    {
        var link = links.Put(activations);
        try
        {
            return await grain.Forward(call with { Link = link, Hidden = [] });
        }
        finally
        {
            links.Withdraw(link);
        }
    }

    private async Task<SampledTokens> ByBytes(StageCall call, Activations activations)
    {
        var hidden = new byte[checked(activations.Rows * activations.Width * sizeof(float))];
        activations.CopyTo(MemoryMarshal.Cast<byte, float>(hidden.AsSpan()));
        activations.Dispose();
        return await grain.Forward(call with { Link = 0, Hidden = hidden });
    }
}
