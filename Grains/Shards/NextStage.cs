using System.Runtime.InteropServices;
using QuaRot.Contracts.Shards;
using QuaRot.Kernels;

namespace QuaRot.Grains.Shards;

/// <summary>Hands a batch to the stage behind: by link within a silo, as bytes to another one.</summary>
internal sealed class NextStage(IShardGrain grain, ActivationLinks links, string ownSilo)
{
    private volatile string? _silo;

    /// <summary>Sends the batch on; takes over <paramref name="activations"/>.</summary>
    public async Task<SampledTokens> ForwardAsync(StageCall call, Activations activations)
    {
        try
        {
            _silo ??= (await grain.Status()).Silo;
            return _silo == ownSilo ? await ByLink(call, activations) : await ByBytes(call, activations);
        }
        catch
        {
            // The stage may have moved: ask again where it is before the next batch. The caller decides what the failure means.
            _silo = null;
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
