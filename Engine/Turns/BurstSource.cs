using QuaRot.Engine.Scheduling;

namespace QuaRot.Engine.Turns;

/// <summary>Generates a burst: the scheduler itself, or a call to the replica that holds it.</summary>
/// <remarks>A burst that ends before its budget and without a stop token has filled the context.</remarks>
public delegate IAsyncEnumerable<GeneratedToken> BurstSource(BurstRequest request, CancellationToken ct);
