namespace QuaRot.Cli.Bench;

/// <summary>A line of the benchmark's table.</summary>
/// <param name="Phase"><c>prefill</c> or <c>decode</c>.</param>
/// <param name="Batch">Sequences.</param>
/// <param name="Tokens">Tokens of the prompt; context of each sequence in decode.</param>
/// <param name="TokensPerSecond">Of all sequences together.</param>
/// <param name="Milliseconds">Median of a prefill or of a decode step.</param>
/// <param name="BestMilliseconds">The fastest one.</param>
/// <param name="Ceiling">What the share is of.</param>
/// <param name="Share">Of prefill, integer operations a second to the measured int8 peak; of decode, the time of reading weights and KV once at the measured bandwidth to the time it took.</param>
/// <param name="OpMilliseconds">Mean time by op, where it was asked for.</param>
internal sealed record BenchRow(
    string Phase, int Batch, int Tokens, double TokensPerSecond, double Milliseconds, double BestMilliseconds,
    string Ceiling, double Share, IReadOnlyDictionary<string, double>? OpMilliseconds);
