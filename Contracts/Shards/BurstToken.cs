using QuaRot.Contracts.Sessions;

namespace QuaRot.Contracts.Shards;

/// <summary>A sampled token of a burst.</summary>
/// <param name="TokenId">Its id.</param>
/// <param name="Position">Its absolute position in the history.</param>
/// <param name="LogProbs">When asked for.</param>
/// <param name="IsStop">True for a stop token, which ends the burst.</param>
[GenerateSerializer, Immutable, Alias("quarot.BurstToken")]
public sealed record BurstToken(
    [property: Id(0)] int TokenId,
    [property: Id(1)] int Position,
    [property: Id(2)] LogProbs? LogProbs,
    [property: Id(3)] bool IsStop);
