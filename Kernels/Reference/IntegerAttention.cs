using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Reference;

/// <summary>flash_prefill and flash_decode of one row and one query head over codes: K and V of 3 to 8 bits.</summary>
internal sealed class IntegerAttention(KvLayout layout, Attention.PlaneOf planes)
{
    /// <summary>Tiles of a span: what a block of a GPU merges before anything leaves it.</summary>
    public const int SpanTiles = 8;

    /// <summary>Largest code of a query.</summary>
    public const int HighestQuery = 127;

    /// <summary>Largest code of a weight p·scale.</summary>
    public const int HighestWeight = 255;

    private const int Tile = KvLayout.PageSize;
    private const int SumLanes = 8;

    /// <summary>True where this formula holds, false where <see cref="Attention"/>'s does.</summary>
    public static bool Suits(KvLayout layout) => layout is { KeyBits: <= 8, ValueBits: <= 8 };

    public void Run(ReadOnlySpan<float> q, int kvHead, int position, int[] blockTable, Span<float> o)
    {
        var query = Quantize(q);
        State? total = null, span = null;
        for (var tile = 0; tile <= position / Tile; tile++)
        {
            if (tile % SpanTiles == 0)
            {
                total = Merge(total, span);
                span = null;
            }

            var count = Math.Min(Tile, position + 1 - (tile * Tile));
            span = Merge(span, TileState(query, kvHead, blockTable[tile], count));
        }

        var result = Merge(total, span)!;
        for (var d = 0; d < o.Length; d++)
        {
            o[d] = result.O[d] / result.L;
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

        return new(codes, codes.Sum(), scale * (1f / MathF.Sqrt(q.Length)));
    }

    private static State? Merge(State? a, State? b)
    {
        if (a is null || b is null)
        {
            return a ?? b;
        }

        var max = a.M > b.M ? a.M : b.M;
        var (alpha, beta) = (FloatMath.Exp(a.M - max), FloatMath.Exp(b.M - max));
        var o = new float[a.O.Length];
        for (var d = 0; d < o.Length; d++)
        {
            o[d] = MathF.FusedMultiplyAdd(a.O[d], alpha, b.O[d] * beta);
        }

        return new(max, MathF.FusedMultiplyAdd(a.L, alpha, b.L * beta), o);
    }

    // (l0+l1)+(l2+l3) + (l4+l5)+(l6+l7), lane i the sum of elements i, i+8, ...
    private static float Sum(ReadOnlySpan<float> values)
    {
        Span<float> lanes = stackalloc float[SumLanes];
        lanes.Clear();
        for (var j = 0; j < values.Length; j++)
        {
            lanes[j % SumLanes] += values[j];
        }

        return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }

    private State TileState(Query query, int kvHead, int page, int count)
    {
        Span<float> s = stackalloc float[Tile], p = stackalloc float[Tile], w = stackalloc float[Tile], shifts = stackalloc float[Tile];
        Span<int> codes = stackalloc int[query.Codes.Length];
        p.Clear();
        w.Clear();
        shifts.Clear();
        var max = float.NegativeInfinity;
        for (var j = 0; j < count; j++)
        {
            var (scale, min) = KvQuantizer.LoadCodes(planes(page, false), layout, layout.KeyBits, kvHead, j, codes);
            var product = 0;
            for (var d = 0; d < codes.Length; d++)
            {
                product += query.Codes[d] * codes[d];
            }

            s[j] = query.Scale * MathF.FusedMultiplyAdd(scale, product, min * query.Sum);
            max = s[j] > max ? s[j] : max;
        }

        var largest = 0f;
        for (var j = 0; j < count; j++)
        {
            var (scale, min) = KvQuantizer.LoadCodes(planes(page, true), layout, layout.ValueBits, kvHead, j, codes);
            p[j] = FloatMath.Exp(s[j] - max);
            (w[j], shifts[j]) = (p[j] * scale, p[j] * min);
            largest = w[j] > largest ? w[j] : largest;
        }

        var unit = largest / HighestWeight;
        unit = unit < QuantizePerToken.SmallestScale ? 1f : unit;
        return new(max, Sum(p), Values(w, unit, kvHead, page, count, Sum(shifts), codes));
    }

    private float[] Values(ReadOnlySpan<float> w, float unit, int kvHead, int page, int count, float shift, Span<int> codes)
    {
        var sums = new int[codes.Length];
        var inverse = 1f / unit;
        for (var j = 0; j < count; j++)
        {
            KvQuantizer.LoadCodes(planes(page, true), layout, layout.ValueBits, kvHead, j, codes);
            var weight = (int)Math.Min(MathF.Round(w[j] * inverse, MidpointRounding.ToEven), HighestWeight);
            for (var d = 0; d < codes.Length; d++)
            {
                sums[d] += weight * codes[d];
            }
        }

        return Array.ConvertAll(sums, sum => MathF.FusedMultiplyAdd(unit, sum, shift));
    }

    private sealed record Query(int[] Codes, int Sum, float Scale);

    private sealed record State(float M, float L, float[] O);
}
