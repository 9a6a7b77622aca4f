using Orleans.Runtime.Placement;
using QuaRot.Contracts.Shards;

namespace QuaRot.Grains.Shards;

/// <summary>Spreads the stages of a replica over the silos, so that each has its own device.</summary>
/// <remarks>The same silos always give the same place; a lost silo moves its stages to the others.</remarks>
public sealed class ShardPlacementDirector : IPlacementDirector
{
    /// <inheritdoc/>
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        if (silos.Length == 0)
            throw new InvalidOperationException($"No silo can hold {target.GrainIdentity}.");
        Array.Sort(silos);
        var key = ShardKey.Parse(target.GrainIdentity.Key.ToString()!);
        return Task.FromResult(silos[(key.Replica + key.Stage) % silos.Length]);
    }
}
