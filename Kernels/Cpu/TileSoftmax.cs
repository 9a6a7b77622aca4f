using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>Softmax of one tile for one (row, query head): integer scores to integer weights.</summary>
/// <param name="Max">Largest score.</param>
/// <param name="Sum">Sum of the exponentials.</param>
/// <param name="Step">What a weight of 1 is worth.</param>
/// <param name="Offset">Σ of exponentials times value minima.</param>
internal readonly record struct TileSoftmax(float Max, float Sum, float Step, float Offset)
{
    private const int Tile = KvLayout.PageSize;

    /// <summary>Fills weights [64].</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static unsafe TileSoftmax Run<T>(in AttentionScratch scratch, int* sums, int pair, int count, byte* weights)
        where T : unmanaged, ILanes<T>
    {
        const int Count = ILanes<T>.Count;
        float* p = scratch.Exponentials, w = p + Tile, c = w + Tile;
        T factor = T.Splat(scratch.Numbers(pair)[0]), querySum = T.Splat(scratch.Numbers(pair)[1]);
        for (var j = 0; j < Tile; j += Count)
        {
            var offset = T.Load(scratch.KeyMinima + j) * querySum;
            T.Store(p + j, factor * T.FusedMultiplyAdd(T.Load(scratch.KeyScales + j), T.LoadInts(sums + j), offset));
        }

        new Span<float>(p + count, Tile - count).Fill(float.NegativeInfinity);
        var max = T.MaxOf(T.Max(T.Max(T.Load(p), T.Load(p + Count)), T.Max(T.Load(p + (2 * Count)), T.Load(p + (3 * Count)))));
        T shift = T.Splat(max), largest = T.Splat(0f);
        for (var j = 0; j < Tile; j += Count)
        {
            var e = LaneMath<T>.Exp(T.Load(p + j) - shift);
            var weight = e * T.Load(scratch.ValueScales + j);
            T.Store(p + j, e);
            T.Store(w + j, weight);
            T.Store(c + j, e * T.Load(scratch.ValueMinima + j));
            largest = T.Max(weight, largest);
        }

        var step = T.MaxOf(largest) / Reference.IntegerAttention.HighestWeight;
        step = step < QuantizePerToken.SmallestScale ? 1f : step;
        T inverse = T.Splat(1f / step), highest = T.Splat(Reference.IntegerAttention.HighestWeight);
        for (var j = 0; j < Tile; j += Count)
        {
            T.StoreBytes(weights + j, T.Min(T.Round(T.Load(w + j) * inverse), highest));
        }

        return new TileSoftmax(max, EightLaneSum(p), step, EightLaneSum(c));
    }

    /// <summary>The eight-lane sum of 64 elements.</summary>
    private static unsafe float EightLaneSum(float* x)
    {
        var sum = Vector256<float>.Zero;
        for (var j = 0; j < Tile; j += 8)
        {
            sum += Vector256.Load(x + j);
        }

        // Neighbours, then neighbouring pairs, then halves; an addition does not mind the order of its two sides.
        sum += Vector256.Shuffle(sum, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));
        sum += Vector256.Shuffle(sum, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5));
        return sum.GetElement(0) + sum.GetElement(4);
    }
}
