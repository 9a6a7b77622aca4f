using QuaRot.Contracts.Sessions;

namespace QuaRot.Contracts.Shards;

/// <summary>A batch on its way from one stage to the next.</summary>
[GenerateSerializer, Immutable, Alias("quarot.StageCall")]
public sealed record StageCall
{
    /// <summary>[rows]</summary>
    [Id(0)] public required int[] TokenIds { get; init; }

    /// <summary>[rows]</summary>
    [Id(1)] public required int[] Positions { get; init; }

    /// <summary>[rows] index into <see cref="BlockTables"/>.</summary>
    [Id(2)] public required int[] SequenceOfRow { get; init; }

    /// <summary>[sequences][pages]</summary>
    [Id(3)] public required int[][] BlockTables { get; init; }

    /// <summary>Rows whose token is sampled.</summary>
    [Id(4)] public required int[] OutputRows { get; init; }

    /// <summary>One for each of <see cref="OutputRows"/>.</summary>
    [Id(5)] public required StageSampling[] Sampling { get; init; }

    /// <summary>Activations left in the receiver's own process under this number; 0 when they travel in <see cref="Hidden"/>.</summary>
    [Id(6)] public long Link { get; init; }

    /// <summary>[rows·hidden] float32 in host byte order, when sender and receiver are in different silos; else empty.</summary>
    [Id(7)] public byte[] Hidden { get; init; } = [];

    /// <summary>Grows with each failure the lead has seen. A stage refuses a call of an older epoch than it knows, so that a batch that was given up
    /// cannot come late and write into pages that have new owners.</summary>
    [Id(8)] public required long Epoch { get; init; }

    /// <summary>The incarnation that the sender takes the receiver for. A stage that was loaded since refuses the call, for it lacks the KV before it.</summary>
    [Id(9)] public long Incarnation { get; init; }
}
