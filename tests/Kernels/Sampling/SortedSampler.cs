using QuaRot.Kernels.Numerics;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Tests.Sampling;

/// <summary>The sampler as its definition reads: sort everything, filter step by step, draw. Slow and plain.</summary>
internal static class SortedSampler
{
    public static int Sample(float[] logits, SamplingRow row)
    {
        float[] adjusted = [.. logits];
        if (row.RepetitionPenalty != 1f)
        {
            foreach (int id in row.PenaltyTokens)
            {
                adjusted[id] = adjusted[id] > 0 ? adjusted[id] / row.RepetitionPenalty : adjusted[id] * row.RepetitionPenalty;
            }
        }

        int[] order = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => adjusted[id]).ThenBy(id => id)];
        if (row.Temperature == 0f)
        {
            return order[0];
        }

        float Weight(int id) =>
            MathF.Round(FloatMath.Exp((adjusted[id] - adjusted[order[0]]) / row.Temperature) * (1 << 30), MidpointRounding.ToEven);
        double Sum(IEnumerable<int> ids) => ids.Order().Aggregate(0.0, (sum, id) => sum + Weight(id));

        IEnumerable<int> kept = row.TopK == 0 ? order : order.Take(row.TopK);
        if (row.TopP < 1f)
        {
            kept = Nucleus(kept.ToArray(), Weight, row.TopP * Sum(kept));
        }

        int[] candidates = [.. kept.Where(id => Weight(id) >= row.MinP * (1 << 30)).Order()];
        double target = Philox4x32.Uniform(row.Seed, row.Position, 0) * Sum(candidates);
        double running = 0;
        return candidates.First(id => (running += Weight(id)) > target);
    }

    private static IEnumerable<int> Nucleus(int[] order, Func<int, float> weight, double target)
    {
        double sum = 0;
        foreach (int id in order)
        {
            yield return id;
            sum += weight(id);
            if (sum >= target)
            {
                yield break;
            }
        }
    }
}
