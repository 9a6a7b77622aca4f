namespace QuaRot.Contracts.Shards;

/// <summary>What a shard holds and where. The incarnation is drawn anew with each load: another one means that its KV is gone.</summary>
[GenerateSerializer, Immutable, Alias("quarot.ShardStatus")]
public sealed record ShardStatus(
    [property: Id(0)] int Stage,
    [property: Id(1)] int FirstLayer,
    [property: Id(2)] int EndLayer,
    [property: Id(3)] string Silo,
    [property: Id(4)] long WeightBytes,
    [property: Id(5)] long KvCacheBytes,
    [property: Id(6)] string NumericsId,
    [property: Id(7)] long Incarnation);
