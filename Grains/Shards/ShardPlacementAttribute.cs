using Orleans.Placement;

namespace QuaRot.Grains.Shards;

/// <summary>Marks a grain that is placed by <see cref="ShardPlacementDirector"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ShardPlacementAttribute() : PlacementAttribute(new ShardPlacement());
