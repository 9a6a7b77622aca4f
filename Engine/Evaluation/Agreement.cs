namespace QuaRot.Engine.Evaluation;

/// <summary>How close a model's next-token distributions are to those of a reference, over the positions of whole windows.</summary>
/// <param name="Predictions">Positions compared.</param>
/// <param name="Top1">Share of them at which both find the same token most likely.</param>
/// <param name="MeanDivergence">Mean of KL(reference ‖ model) in nats.</param>
/// <param name="ReferencePerplexity">Perplexity of the reference on these positions.</param>
public sealed record Agreement(int Predictions, double Top1, double MeanDivergence, double ReferencePerplexity);
