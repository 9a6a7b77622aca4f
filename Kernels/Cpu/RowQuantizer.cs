using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>quantize_per_token of one row.</summary>
internal static unsafe class RowQuantizer<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;

    /// <summary>
    /// Fills codes [stride], the padding with zeros, and returns the scale. Stride is a multiple of 64, at least the width.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Quantize(float* x, int width, int bits, float clip, sbyte* codes, int stride)
    {
        var highest = (1 << (bits - 1)) - 1;
        var largest = T.Splat(0f);
        for (var i = 0; i < width; i += Count)
        {
            largest = T.Max(T.Abs(LaneMath<T>.Load(x + i, width - i)), largest);
        }

        var scale = clip * T.MaxOf(largest) / highest;
        scale = scale < QuantizePerToken.SmallestScale ? 1f : scale;
        T inverse = T.Splat(1f / scale), low = T.Splat(-highest - 1), high = T.Splat(highest);
        for (var i = 0; i < stride; i += Count)
        {
            // Partial loads give zeros, and zeros are what the padding holds.
            var value = i < width ? LaneMath<T>.Load(x + i, width - i) : T.Splat(0f);
            T.StoreBytes((byte*)codes + i, T.Min(T.Max(T.Round(value * inverse), low), high));
        }

        return scale;
    }
}
