namespace QuaRot.Cli.Bench;

/// <summary>What one measurement gave.</summary>
/// <param name="MedianSeconds">Median over the repeats.</param>
/// <param name="BestSeconds">The fastest repeat.</param>
/// <param name="OpMilliseconds">Mean time by op, where it was asked for.</param>
internal sealed record BenchTiming(double MedianSeconds, double BestSeconds, IReadOnlyDictionary<string, double>? OpMilliseconds);
