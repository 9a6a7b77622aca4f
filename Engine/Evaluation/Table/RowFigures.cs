namespace QuaRot.Engine.Evaluation.Table;

/// <summary>What was measured for one seed of a row.</summary>
/// <param name="Seed">Seed of the rotation.</param>
/// <param name="Perplexity">Over all windows.</param>
/// <param name="MeanNll">Its logarithm, in nats per token.</param>
/// <param name="Agreement">With the float model; null where no window was compared.</param>
public sealed record RowFigures(ulong Seed, double Perplexity, double MeanNll, Agreement? Agreement);
