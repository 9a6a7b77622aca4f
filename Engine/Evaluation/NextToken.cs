namespace QuaRot.Engine.Evaluation;

/// <summary>Figures of one next-token distribution, the softmax of a row of logits; sums in double.</summary>
public static class NextToken
{
    /// <summary>ln Σ exp(logit).</summary>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits)
            max = MathF.Max(max, logit);
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - max);
        return Math.Log(sum) + max;
    }

    /// <summary>-ln p(token) in nats.</summary>
    public static float NegativeLogLikelihood(ReadOnlySpan<float> logits, int token) => (float)(LogSumExp(logits) - logits[token]);

    /// <summary>The most likely token; of equals the lowest id, as in greedy decoding.</summary>
    public static int Top(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            best = logits[i] > logits[best] ? i : best;
        return best;
    }

    /// <summary>Kullback-Leibler divergence Σ p·ln(p/q) in nats: what is lost by predicting q where p is the truth.</summary>
    /// <param name="p">[vocab] logits of the truth.</param>
    /// <param name="q">[vocab] logits of the approximation.</param>
    public static double Divergence(ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        var (totalP, totalQ) = (LogSumExp(p), LogSumExp(q));
        var sum = 0.0;
        for (var i = 0; i < p.Length; i++)
        {
            var logP = p[i] - totalP;
            sum += Math.Exp(logP) * (logP - (q[i] - totalQ));
        }

        // Equal distributions may end a rounding below zero, which no divergence is.
        return Math.Max(0, sum);
    }
}
