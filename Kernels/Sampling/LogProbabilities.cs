using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Sampling;

/// <summary>Log-probabilities under unmodified logits, with sums in double in ascending id.</summary>
internal static class LogProbabilities
{
    /// <summary>ln Σ exp(logit).</summary>
    /// <param name="logits">[vocab]; at least one is finite, none is NaN or +infinity.</param>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        float largest = logits[TokenOrder.First(logits)];
        double sum = 0;
        foreach (float logit in logits)
        {
            sum += FloatMath.Exp(logit - largest);
        }

        return largest + Math.Log(sum);
    }

    /// <summary>The <paramref name="count"/> most likely tokens, in order.</summary>
    public static TokenLogProb[] Top(ReadOnlySpan<float> logits, double logSumExp, int count)
    {
        int[] first = TokenOrder.FirstOf(logits, count);
        var top = new TokenLogProb[first.Length];
        for (int i = 0; i < first.Length; i++)
        {
            top[i] = new TokenLogProb(first[i], (float)(logits[first[i]] - logSumExp));
        }

        return top;
    }
}
