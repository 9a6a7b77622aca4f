namespace QuaRot.Grains.Shards;

/// <summary>Places stage s of a replica on the s-th silo (modulo their number) in the order of their addresses.</summary>
[GenerateSerializer, Immutable, Alias("quarot.ShardPlacement")]
public sealed class ShardPlacement : PlacementStrategy;
