namespace QuaRot.Contracts.Sessions;

/// <summary>Natural log-probability of a token and of the most likely ones (ids and values in step, descending).</summary>
[GenerateSerializer, Immutable, Alias("quarot.LogProbs")]
public sealed record LogProbs(
    [property: Id(0)] float LogProb,
    [property: Id(1)] int[] TopIds,
    [property: Id(2)] float[] TopLogProbs);
