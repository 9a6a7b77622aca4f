using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Reference;

/// <summary>flash_prefill and flash_decode of one row and one query head, where keys or values are floats.</summary>
internal sealed class Attention(KvLayout layout, Attention.PlaneOf planes)
{
    /// <summary>The bytes of the K or V plane of a page.</summary>
    public delegate Span<byte> PlaneOf(int page, bool value);

    public void Run(ReadOnlySpan<float> q, int kvHead, int position, int[] blockTable, Span<float> o)
    {
        var (max, sum) = (float.NegativeInfinity, 0f);
        o.Clear();
        for (var start = 0; start <= position; start += KvLayout.PageSize)
        {
            var count = Math.Min(KvLayout.PageSize, position + 1 - start);
            AddTile(q, kvHead, blockTable[start / KvLayout.PageSize], count, o, ref max, ref sum);
        }

        for (var d = 0; d < o.Length; d++)
        {
            o[d] /= sum;
        }
    }

    private void AddTile(ReadOnlySpan<float> q, int kvHead, int page, int count, Span<float> o, ref float max, ref float sum)
    {
        Span<float> p = stackalloc float[count];
        Span<float> x = stackalloc float[q.Length];
        var scale = 1f / MathF.Sqrt(q.Length);
        var newMax = max;
        for (var j = 0; j < count; j++)
        {
            KvQuantizer.Load(planes(page, false), layout, layout.KeyBits, kvHead, j, x);
            p[j] = Dot.Product(q, x) * scale;
            newMax = p[j] > newMax ? p[j] : newMax;
        }

        for (var j = 0; j < count; j++)
        {
            p[j] = FloatMath.Exp(p[j] - newMax);
        }

        var rescale = FloatMath.Exp(max - newMax);
        sum = MathF.FusedMultiplyAdd(sum, rescale, Dot.Sum(p));
        max = newMax;
        for (var d = 0; d < o.Length; d++)
        {
            o[d] *= rescale;
        }

        for (var j = 0; j < count; j++)
        {
            KvQuantizer.Load(planes(page, true), layout, layout.ValueBits, kvHead, j, x);
            for (var d = 0; d < o.Length; d++)
            {
                o[d] = MathF.FusedMultiplyAdd(p[j], x[d], o[d]);
            }
        }
    }
}
