using System.Runtime.InteropServices;
using QuaRot.Contracts.Shards;
using QuaRot.Engine.Pipeline;
using QuaRot.Kernels;

namespace QuaRot.Grains.Shards;

/// <summary>Hands batches to the stage behind: by link within a silo, as bytes to another one.</summary>
/// <remarks>
/// All batches of an epoch go to one incarnation of that stage. Once a batch has failed, its epoch is over here: a batch that was built on KV which the next
/// incarnation does not have must not reach it.
/// </remarks>
internal sealed class NextStage(IShardGrain grain, ShardRuntimes runtimes, ActivationLinks links, string ownSilo)
{
    private readonly Lock _gate = new();
    private Task<ShardStatus>? _status;
    private long _epoch;
    private bool _isOver;

    /// <summary>Sends the batch on; takes over <paramref name="activations"/>.</summary>
    public async Task<SampledTokens> ForwardAsync(StageCall call, Activations activations)
    {
        // From here on the link owns the activations: whoever takes it disposes them, and what nobody took is withdrawn.
        var link = links.Put(activations);
        try
        {
            var status = await StatusIn(call.Epoch);
            var addressed = call with { Incarnation = status.Incarnation, Link = link, Hidden = [] };
            return await grain.Forward(status.Silo == ownSilo ? addressed : addressed with { Link = 0, Hidden = Bytes(link) });
        }
        catch
        {
            End(call.Epoch);
            throw;
        }
        finally
        {
            links.Withdraw(link);
        }
    }

    /// <summary>The device threads of that stage and all behind it, of the incarnations of this epoch; null where one is not in this silo.</summary>
    public async Task<IReadOnlyList<StageWorker>?> WorkersHere(long epoch)
    {
        try
        {
            var status = await StatusIn(epoch);
            return status.Silo == ownSilo && runtimes.Find(status.Incarnation) is { } runtime ? await runtime.WorkersHere(epoch) : null;
        }
        catch
        {
            End(epoch);
            throw;
        }
    }

    /// <summary>Nothing of the epoch goes on: a batch of it has failed.</summary>
    public void End(long epoch)
    {
        lock (_gate)
        {
            if (epoch == _epoch)
                _isOver = true;
        }
    }

    private Task<ShardStatus> StatusIn(long epoch)
    {
        lock (_gate)
        {
            if (epoch > _epoch)
                (_epoch, _isOver, _status) = (epoch, false, null);
            if (epoch < _epoch || _isOver)
                throw new InvalidOperationException($"The batch is of epoch {epoch}, which is over: a stage failed in it.");
            return _status ??= grain.Status();
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
