using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>Turns a query head into codes of 8 bits, in the order of the key codes' nibbles.</summary>
internal static unsafe class QueryCodes<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;

    /// <summary>Fills the codes of a pair, padded with zeros, and its factor and sum.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Quantize(float* q, int width, in AttentionScratch scratch, int pair)
    {
        var largest = T.Splat(0f);
        for (var d = 0; d < width; d += Count)
        {
            largest = T.Max(T.Abs(LaneMath<T>.Load(q + d, width - d)), largest);
        }

        var scale = T.MaxOf(largest) / Reference.IntegerAttention.HighestQuery;
        scale = scale < QuantizePerToken.SmallestScale ? 1f : scale;
        var codes = (sbyte*)scratch.Query(pair);
        var numbers = scratch.Numbers(pair);
        numbers[0] = scale * (1f / MathF.Sqrt(width));
        numbers[1] = Codes(q, width, T.Splat(1f / scale), codes, scratch.Sizes);
    }

    private static int Codes(float* q, int width, T inverse, sbyte* codes, AttentionSizes sizes)
    {
        T low = T.Splat(-Reference.IntegerAttention.HighestQuery), high = T.Splat(Reference.IntegerAttention.HighestQuery);
        var plain = stackalloc sbyte[Count];
        var sum = 0;
        new Span<sbyte>(codes, sizes.QueryBytes).Clear();
        for (var d = 0; d < width; d += Count)
        {
            T.StoreBytes((byte*)plain, T.Min(T.Max(T.Round(LaneMath<T>.Load(q + d, width - d) * inverse), low), high));
            for (var i = 0; i < Math.Min(Count, width - d); i++)
            {
                sum += plain[i];
                codes[sizes.KeysArePaired ? ((d + i) / 2) + ((i & 1) * sizes.KeyStride) : d + i] = plain[i];
            }
        }

        return sum;
    }
}
