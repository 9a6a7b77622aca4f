namespace QuaRot.Checkpoints.QuaRot;

/// <summary>A quantized decoder layer.</summary>
/// <param name="Weights">Rotated and quantized.</param>
/// <param name="ActivationClips">
/// A ratio for each <see cref="ActivationSite"/>; null where <see cref="QuantizationConfig.ActivationClip"/> serves all.
/// </param>
public sealed record QuantizedLayer(LayerWeights Weights, IReadOnlyList<float>? ActivationClips);
