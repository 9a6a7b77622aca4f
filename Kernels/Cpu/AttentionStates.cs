using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Cpu;

/// <summary>Softmax states (maximum, sum, output) of the (row, query head) pairs of a block: of the current span, and of all before it.</summary>
internal static unsafe class AttentionStates<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;
    private const int Span = 2;
    private const int All = 4;

    /// <summary>Merges a tile into the span of a pair, or begins the span with it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Add(in AttentionScratch scratch, int pair, bool begins, TileSoftmax tile, int* sums)
    {
        float* state = scratch.Numbers(pair) + Span, o = scratch.SpanOutput(pair);
        T step = T.Splat(tile.Step), offset = T.Splat(tile.Offset);
        if (begins)
        {
            (state[0], state[1]) = (tile.Max, tile.Sum);
            for (var i = 0; i < scratch.Sizes.Outputs; i += Count)
            {
                T.Store(o + i, T.FusedMultiplyAdd(step, T.LoadInts(sums + i), offset));
            }

            return;
        }

        var (alpha, beta) = Merge(state, tile.Max, tile.Sum);
        T first = T.Splat(alpha), second = T.Splat(beta);
        for (var i = 0; i < scratch.Sizes.Outputs; i += Count)
        {
            var value = T.FusedMultiplyAdd(step, T.LoadInts(sums + i), offset);
            T.Store(o + i, T.FusedMultiplyAdd(T.Load(o + i), first, value * second));
        }
    }

    /// <summary>Merges the spans of some pairs into all before them; the first span becomes these.</summary>
    public static void EndSpan(in AttentionScratch scratch, int firstPair, int endPair, bool isFirst)
    {
        for (var pair = firstPair; pair < endPair; pair++)
        {
            float* span = scratch.Numbers(pair) + Span, all = scratch.Numbers(pair) + All;
            float* spanOutput = scratch.SpanOutput(pair), allOutput = spanOutput + scratch.Sizes.Outputs;
            if (isFirst)
            {
                (all[0], all[1]) = (span[0], span[1]);
                new Span<float>(spanOutput, scratch.Sizes.Outputs).CopyTo(new Span<float>(allOutput, scratch.Sizes.Outputs));
                continue;
            }

            var (alpha, beta) = Merge(all, span[0], span[1]);
            T first = T.Splat(alpha), second = T.Splat(beta);
            for (var i = 0; i < scratch.Sizes.Outputs; i += Count)
            {
                T.Store(allOutput + i, T.FusedMultiplyAdd(T.Load(allOutput + i), first, T.Load(spanOutput + i) * second));
            }
        }
    }

    /// <summary>Writes the output of a pair, [head_dim], after its last span.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Finish(in AttentionScratch scratch, int pair, bool hasSpans, float* target, int headDim)
    {
        EndSpan(scratch, pair, pair + 1, isFirst: !hasSpans);
        var o = scratch.SpanOutput(pair) + scratch.Sizes.Outputs;
        var sum = T.Splat(scratch.Numbers(pair)[All + 1]);
        for (var i = 0; i < scratch.Sizes.Outputs; i += Count)
        {
            T.Store(o + i, T.Load(o + i) / sum);
        }

        for (var d = 0; d < headDim; d++)
        {
            target[d] = scratch.Sizes.ValuesArePaired ? o[(d / 2) + ((d & 1) * scratch.Sizes.ValueStride)] : o[d];
        }
    }

    /// <summary>Merges maximum and sum into a state; returns what the two outputs are multiplied by.</summary>
    /// <remarks>One of the factors is exp(0), which is 1.</remarks>
    private static (float Alpha, float Beta) Merge(float* state, float max, float sum)
    {
        var (alpha, beta) = max > state[0] ? (FloatMath.Exp(state[0] - max), 1f) : (1f, FloatMath.Exp(max - state[0]));
        state[0] = max > state[0] ? max : state[0];
        state[1] = MathF.FusedMultiplyAdd(state[1], alpha, sum * beta);
        return (alpha, beta);
    }
}
