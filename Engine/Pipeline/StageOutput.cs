using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Pipeline;

/// <summary>What a stage hands on: activations for the next stage, or the sampled tokens of the last one.</summary>
/// <param name="Activations">[rows, hidden] residual stream, the taker's to dispose; null after the last stage.</param>
/// <param name="Tokens">[output rows] sampled tokens of the last stage; null after any other.</param>
public sealed record StageOutput(Activations? Activations, SampledToken[]? Tokens);
