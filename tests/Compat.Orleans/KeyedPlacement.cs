using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace QuaRot.Compat.Orleans.Tests;

/// <summary>Places a grain on the silo that the grain's key begins with ("address name"), any other silo failing that.</summary>
[GenerateSerializer]
[Immutable]
public sealed class KeyedPlacement : PlacementStrategy;

/// <inheritdoc cref="KeyedPlacement"/>
[AttributeUsage(AttributeTargets.Class)]
public sealed class KeyedPlacementAttribute() : PlacementAttribute(new KeyedPlacement());

/// <inheritdoc cref="KeyedPlacement"/>
public sealed class KeyedPlacementDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        string wanted = target.GrainIdentity.Key.ToString()!.Split(' ')[0];
        SiloAddress[] silos = context.GetCompatibleSilos(target);
        return Task.FromResult(Array.Find(silos, silo => silo.ToParsableString() == wanted) ?? silos[0]);
    }
}
