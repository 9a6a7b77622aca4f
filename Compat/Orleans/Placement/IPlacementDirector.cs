namespace Orleans.Runtime.Placement;

/// <summary>Picks the silo for a grain that has no activation. Two callers may ask at once; the first to answer wins.</summary>
public interface IPlacementDirector
{
    Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context);
}

/// <summary>The grain to place.</summary>
public readonly struct PlacementTarget
{
    internal PlacementTarget(GrainId grainIdentity) => GrainIdentity = grainIdentity;

    public GrainId GrainIdentity { get; }
}

/// <summary>What a director may know of the cluster.</summary>
public interface IPlacementContext
{
    /// <summary>The caller's silo, or any active one where a client calls.</summary>
    SiloAddress LocalSilo { get; }

    /// <summary>The active silos that can hold the grain.</summary>
    SiloAddress[] GetCompatibleSilos(PlacementTarget target);
}
