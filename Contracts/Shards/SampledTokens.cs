using QuaRot.Contracts.Sessions;

namespace QuaRot.Contracts.Shards;

/// <summary>What the last stage sampled: one id for each output row, and log-probabilities where asked for (null elsewhere).</summary>
[GenerateSerializer, Immutable, Alias("quarot.SampledTokens")]
public sealed record SampledTokens(
    [property: Id(0)] int[] TokenIds,
    [property: Id(1)] LogProbs?[] LogProbs);
