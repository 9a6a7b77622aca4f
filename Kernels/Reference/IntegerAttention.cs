using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Reference;

/// <summary>flash_prefill and flash_decode of one row and one query head, where keys and values are codes.</summary>
internal sealed class IntegerAttention(KvLayout layout, Attention.PlaneOf planes)
{
    /// <summary>Largest code of a query.</summary>
    public const float HighestQuery = 127f;

    /// <summary>Largest integer weight of a value.</summary>
    public const float HighestWeight = 255f;

    private const int Tile = KvLayout.PageSize;

    public void Run(ReadOnlySpan<float> q, int kvHead, int position, int[] blockTable, Span<float> o)
    {
        var query = Quantize(q);
        State? all = null, span = null;
        for (var tile = 0; tile <= position / Tile; tile++)
        {
            if (tile % KvLayout.TilesOfSpan == 0 && span is not null)
            {
                all = Merge(all, span);
                span = null;
            }

            var count = Math.Min(Tile, position + 1 - (tile * Tile));
            span = Merge(span, OfTile(query, kvHead, blockTable[tile], count));
        }

        all = Merge(all, span!);
        for (var d = 0; d < o.Length; d++)
        {
            o[d] = all.O[d] / all.Sum;
        }
    }

    private static Query Quantize(ReadOnlySpan<float> q)
    {
        var largest = 0f;
        foreach (var value in q)
        {
            largest = MathF.Abs(value) > largest ? MathF.Abs(value) : largest;
        }

        var scale = largest / HighestQuery;
        scale = scale < QuantizePerToken.SmallestScale ? 1f : scale;
        var inverse = 1f / scale;
        var codes = new int[q.Length];
        for (var d = 0; d < q.Length; d++)
        {
            codes[d] = (int)Math.Clamp(MathF.Round(q[d] * inverse, MidpointRounding.ToEven), -HighestQuery, HighestQuery);
        }

        return new Query(codes, codes.Sum(), scale * (1f / MathF.Sqrt(q.Length)));
    }

    private State OfTile(Query query, int kvHead, int page, int count)
    {
        var p = new float[Tile];
        var max = Scores(query, kvHead, page, p.AsSpan(0, count));
        var (weights, minima, codes) = (new float[Tile], new float[Tile], new int[Tile][]);
        for (var j = 0; j < Tile; j++)
        {
            codes[j] = new int[layout.HeadDim];
            if (j < count)
            {
                p[j] = FloatMath.Exp(p[j] - max);
                var (scale, min) = KvQuantizer.LoadCodes(planes(page, true), layout, layout.ValueBits, kvHead, j, codes[j]);
                weights[j] = p[j] * scale;
                minima[j] = p[j] * min;
            }
        }

        return new State(max, EightLaneSum(p), Values(weights, codes, EightLaneSum(minima)));
    }

    /// <summary>Fills s with the scores of a tile's first positions and returns the largest.</summary>
    private float Scores(Query query, int kvHead, int page, Span<float> s)
    {
        var codes = new int[layout.HeadDim];
        var max = float.NegativeInfinity;
        for (var j = 0; j < s.Length; j++)
        {
            var (scale, min) = KvQuantizer.LoadCodes(planes(page, false), layout, layout.KeyBits, kvHead, j, codes);
            var sum = 0;
            for (var d = 0; d < codes.Length; d++)
            {
                sum += query.Codes[d] * codes[d];
            }

            s[j] = query.Factor * MathF.FusedMultiplyAdd(scale, (float)sum, min * (float)query.Sum);
            max = s[j] > max ? s[j] : max;
        }

        return max;
    }

    private float[] Values(float[] weights, int[][] codes, float offset)
    {
        var step = weights.Max() / HighestWeight;
        step = step < QuantizePerToken.SmallestScale ? 1f : step;
        var inverse = 1f / step;
        var o = new float[layout.HeadDim];
        for (var d = 0; d < o.Length; d++)
        {
            var sum = 0;
            for (var j = 0; j < Tile; j++)
            {
                sum += (int)Math.Min(MathF.Round(weights[j] * inverse, MidpointRounding.ToEven), HighestWeight) * codes[j][d];
            }

            o[d] = MathF.FusedMultiplyAdd(step, (float)sum, offset);
        }

        return o;
    }

    private static float EightLaneSum(float[] x)
    {
        const int Lanes = 8;
        var lanes = new float[Lanes];
        for (var j = 0; j < x.Length; j++)
        {
            lanes[j % Lanes] += x[j];
        }

        return lanes[0] + lanes[1] + (lanes[2] + lanes[3]) + (lanes[4] + lanes[5] + (lanes[6] + lanes[7]));
    }

    private static State Merge(State? first, State second)
    {
        if (first is null)
        {
            return second;
        }

        var max = MathF.Max(first.Max, second.Max);
        var (alpha, beta) = (FloatMath.Exp(first.Max - max), FloatMath.Exp(second.Max - max));
        var o = first.O.Zip(second.O, (a, b) => MathF.FusedMultiplyAdd(a, alpha, b * beta));
        return new State(max, MathF.FusedMultiplyAdd(first.Sum, alpha, second.Sum * beta), [.. o]);
    }

    /// <summary>A query head as codes of 8 bits; the factor turns their sums with stored codes into scores.</summary>
    private sealed record Query(int[] Codes, int Sum, float Factor);

    /// <summary>Softmax over some positions: largest score, sum of exponentials, and the values weighted by these.</summary>
    private sealed record State(float Max, float Sum, float[] O);
}
