namespace QuaRot.Checkpoints.Perplexity;

/// <summary>What a perplexity run measured.</summary>
/// <param name="WindowNlls">Mean negative log-likelihood of each window, in nats per predicted token, in the order of the text.</param>
/// <param name="Predictions">Number of predicted tokens over all windows.</param>
public sealed record PerplexityResult(IReadOnlyList<double> WindowNlls, int Predictions)
{
    /// <summary>Mean negative log-likelihood in nats per predicted token. Windows are of one length, so that they weigh the same.</summary>
    public double MeanNll { get; } = WindowNlls.Average();

    /// <summary>e to the mean negative log-likelihood.</summary>
    public double Perplexity => Math.Exp(MeanNll);
}
