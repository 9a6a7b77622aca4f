using System.Buffers;

namespace QuaRot.Kernels.Sampling;

/// <summary>
/// Chooses the token of one row of logits. A pure function: no state, one fixed order of every sum, nothing shared between rows.
/// </summary>
/// <remarks>
/// Order: repetition penalty, temperature, top-k, top-p, min-p. All of them keep a beginning of the order "logit descending, id
/// ascending". The draw walks the kept ids in ascending id, so it needs no sorted list. Sums are in double.
/// </remarks>
public static class TokenSampler
{
    /// <summary>Samples one token; never throws.</summary>
    /// <param name="logits">[vocab] as the model computed them; not changed.</param>
    /// <param name="row">How to sample.</param>
    /// <returns>The token; or one that is not <see cref="SampledToken.IsSampled"/> and says why, when a logit is NaN or +infinity, or
    /// all are -infinity (the forward pass is broken), or when <paramref name="row"/> does not suit the logits.</returns>
    public static SampledToken Sample(ReadOnlySpan<float> logits, SamplingRow row)
    {
        try
        {
            return SampleSound(logits, row);
        }
        catch (Exception e)
        {
            // A row that fails belongs to one chat; thrown on, the exception would take along every other chat of the micro-batch.
            return SampledToken.NotSampled($"Sampling at position {row.Position} failed: {e.Message}");
        }
    }

    private static SampledToken SampleSound(ReadOnlySpan<float> logits, SamplingRow row)
    {
        if (FaultOf(logits, row) is { } fault)
        {
            return SampledToken.NotSampled(fault);
        }

        int token = Choose(logits, row);
        if (row.LogProbs < 0)
        {
            return new SampledToken(token, float.NaN, []);
        }

        double logSumExp = LogProbabilities.LogSumExp(logits);
        return new SampledToken(token, (float)(logits[token] - logSumExp), LogProbabilities.Top(logits, logSumExp, row.LogProbs));
    }

    /// <summary>What makes the logits useless; null when they can be sampled.</summary>
    private static string? FaultOf(ReadOnlySpan<float> logits, SamplingRow row)
    {
        bool anyFinite = false;
        for (int id = 0; id < logits.Length; id++)
        {
            if (float.IsNaN(logits[id]) || float.IsPositiveInfinity(logits[id]))
            {
                return $"The logit of token {id} at position {row.Position} is {logits[id]}: the forward pass is broken.";
            }

            anyFinite |= float.IsFinite(logits[id]);
        }

        return anyFinite
            ? null
            : $"No token can be sampled at position {row.Position}: none of {logits.Length} logits is finite.";
    }

    private static int Choose(ReadOnlySpan<float> logits, SamplingRow row)
    {
        bool penalised = row.RepetitionPenalty != 1f && row.PenaltyTokens.Length > 0;
        if (row.Temperature == 0f && !penalised)
        {
            return TokenOrder.First(logits);
        }

        float[] buffer = ArrayPool<float>.Shared.Rent(logits.Length);
        try
        {
            Span<float> adjusted = buffer.AsSpan(0, logits.Length);
            logits.CopyTo(adjusted);
            if (penalised)
            {
                Penalise(adjusted, row);
            }

            return row.Temperature == 0f ? TokenOrder.First(adjusted) : CandidateSet.Draw(adjusted, row);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// Keskar et al., "CTRL" (arXiv 1909.05858), section 4.1; with negative logits multiplied, so that the penalty never helps a token.
    /// </summary>
    private static void Penalise(Span<float> logits, SamplingRow row)
    {
        foreach (int id in row.PenaltyTokens)
        {
            // -infinity means impossible, and stays so.
            if (float.IsFinite(logits[id]))
            {
                float penalised = logits[id] > 0 ? logits[id] / row.RepetitionPenalty : logits[id] * row.RepetitionPenalty;
                // An infinite logit would make every weight NaN or 0: the difference to the largest one has no meaning then.
                logits[id] = Math.Clamp(penalised, float.MinValue, float.MaxValue);
            }
        }
    }
}
