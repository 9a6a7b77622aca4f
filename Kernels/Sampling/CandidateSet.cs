using System.Buffers;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Sampling;

/// <summary>
/// The tokens that top-k, top-p and min-p leave, ids ascending, with their unnormalised probabilities; and the draw from them.
/// </summary>
/// <remarks>
/// A weight is an integer of at most 2^30, so that sums of them are exact in double in any order: a device may add them in parallel.
/// </remarks>
internal ref struct CandidateSet
{
    private const float LargestWeight = 1 << 30;

    private readonly ReadOnlySpan<float> _logits;
    private readonly Span<float> _weights;
    private readonly int _best;
    private Span<int> _ids;

    private CandidateSet(ReadOnlySpan<float> logits, Span<float> weights, Span<int> ids)
    {
        _logits = logits;
        _weights = weights;
        _ids = ids;
        _best = TokenOrder.First(logits);
    }

    /// <summary>Draws a token.</summary>
    /// <param name="logits">[vocab] with the penalty applied; at least one is finite, none is NaN or +infinity.</param>
    /// <param name="row">Temperature above 0, top-k, top-p, min-p, seed and position.</param>
    public static int Draw(ReadOnlySpan<float> logits, SamplingRow row)
    {
        float[] weights = ArrayPool<float>.Shared.Rent(logits.Length);
        int[] ids = ArrayPool<int>.Shared.Rent(logits.Length);
        try
        {
            var set = new CandidateSet(logits, weights.AsSpan(0, logits.Length), ids.AsSpan(0, logits.Length));
            set.KeepTopK(row.TopK);
            set.Weigh(row.Temperature);
            set.KeepTopP(row.TopP);
            set.KeepMinP(row.MinP);
            return set.Pick(Philox4x32.Uniform(row.Seed, row.Position, 0));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(weights);
            ArrayPool<int>.Shared.Return(ids);
        }
    }

    private void KeepTopK(int k)
    {
        if (k > 0 && k < _logits.Length)
        {
            int[] first = TokenOrder.FirstOf(_logits, k);
            Array.Sort(first);
            first.CopyTo(_ids);
            _ids = _ids[..k];
            return;
        }

        for (int id = 0; id < _ids.Length; id++)
        {
            _ids[id] = id;
        }
    }

    /// <summary>weight = rint(exp((logit - largest logit) / temperature)·2^30), so that the largest weight is 2^30.</summary>
    private readonly void Weigh(float temperature)
    {
        float largest = _logits[_best];
        foreach (int id in _ids)
        {
            // 0 for the best token and down to -infinity for others, however small the temperature: never NaN.
            float scaled = (_logits[id] - largest) / temperature;
            _weights[id] = MathF.Round(FloatMath.Exp(scaled) * LargestWeight, MidpointRounding.ToEven);
        }
    }

    /// <summary>
    /// The shortest beginning of the order whose weight reaches p of the whole; taken from a heap, for it is short as a rule.
    /// </summary>
    private void KeepTopP(float p)
    {
        if (p >= 1f)
        {
            return;
        }

        double target = p * Total();
        TokenOrder.Heapify(_logits, _ids, lastOnTop: false);
        double sum = 0;
        int left = _ids.Length;
        while (left > 0 && (sum < target || left == _ids.Length))
        {
            sum += _weights[_ids[0]];
            left--;
            // What is taken gathers behind the shrinking heap.
            (_ids[0], _ids[left]) = (_ids[left], _ids[0]);
            TokenOrder.SiftDown(_logits, _ids[..left], 0, lastOnTop: false);
        }

        _ids = _ids[left..];
        _ids.Sort();
    }

    private void KeepMinP(float p)
    {
        if (p <= 0f)
        {
            return;
        }

        // The best token survives any p, so that there is always one to pick.
        float least = p * LargestWeight;
        int kept = 0;
        foreach (int id in _ids)
        {
            if (_weights[id] >= least || id == _best)
            {
                _ids[kept++] = id;
            }
        }

        _ids = _ids[..kept];
    }

    private readonly double Total()
    {
        double total = 0;
        foreach (int id in _ids)
        {
            total += _weights[id];
        }

        return total;
    }

    /// <summary>The first id, ascending, at which the running sum passes u of the whole.</summary>
    private readonly int Pick(float u)
    {
        double target = u * Total();
        double sum = 0;
        int last = _ids[0];
        foreach (int id in _ids)
        {
            if (_weights[id] == 0f)
            {
                continue;
            }

            last = id;
            sum += _weights[id];
            if (sum > target)
            {
                break;
            }
        }

        return last;
    }
}
