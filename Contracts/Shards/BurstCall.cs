using QuaRot.Contracts.Sessions;

namespace QuaRot.Contracts.Shards;

/// <summary>Asks the lead for up to <paramref name="MaxTokens"/> tokens after <paramref name="Tokens"/>. Self-contained, so any replica can answer it.</summary>
/// <param name="SessionId">Under this name the KV stays resident for the next burst.</param>
/// <param name="Tokens">The whole history, the tokens of earlier bursts included.</param>
/// <param name="Sampling">Sampling parameters; stop texts and the length of the turn are the session's business.</param>
/// <param name="Seed">The turn's seed.</param>
/// <param name="MaxTokens">Size of the burst.</param>
/// <param name="StopTokenIds">Tokens that end the burst.</param>
/// <param name="IsContinuation">The answer has begun: a full queue must not end it.</param>
[GenerateSerializer, Immutable, Alias("quarot.BurstCall")]
public sealed record BurstCall(
    [property: Id(0)] string SessionId,
    [property: Id(1)] int[] Tokens,
    [property: Id(2)] TurnSampling Sampling,
    [property: Id(3)] ulong Seed,
    [property: Id(4)] int MaxTokens,
    [property: Id(5)] int[] StopTokenIds,
    [property: Id(6)] bool IsContinuation);
