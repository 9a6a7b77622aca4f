using QuaRot.Contracts.Sessions;

namespace QuaRot.Contracts.Shards;

/// <summary>How the last stage samples one row.</summary>
/// <param name="Position">Absolute position of the token to sample.</param>
/// <param name="Seed">The turn's seed.</param>
/// <param name="Sampling">Parameters.</param>
/// <param name="PenaltyTokens">Distinct ids under the repetition penalty.</param>
[GenerateSerializer, Immutable, Alias("quarot.StageSampling")]
public sealed record StageSampling(
    [property: Id(0)] int Position,
    [property: Id(1)] ulong Seed,
    [property: Id(2)] TurnSampling Sampling,
    [property: Id(3)] int[] PenaltyTokens);
