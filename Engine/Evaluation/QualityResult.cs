using QuaRot.Checkpoints.Perplexity;

namespace QuaRot.Engine.Evaluation;

/// <summary>What <see cref="QualityMeter"/> measured.</summary>
/// <param name="Perplexity">Over all windows.</param>
/// <param name="Agreement">Over the windows that were compared with a reference; null where none was.</param>
public sealed record QualityResult(PerplexityResult Perplexity, Agreement? Agreement);
