using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>hadamard_quantize of one row: the integer sums in floats, which hold them exactly.</summary>
/// <remarks>
/// Fixed point numbers have 15 bits and a float's significand 24, so 9 doublings are exact. Where more is to be added, each number is split into
/// hi·4096 + lo, both small; the transform is linear, so both are transformed, and fma(hi, 4096, lo) rounds the exact sum once, as (float)z does.
/// </remarks>
internal static unsafe class CpuHadamardQuantizer<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;
    private const int ExactDoublings = 512;
    private const float Split = 4096f;

    /// <summary>Floats of scratch that a row takes.</summary>
    public static long ScratchFloats(HadamardShape shape) => 3L * shape.Width;

    /// <summary>Fills codes [stride], the padding with zeros, and returns the scale; x is used up.</summary>
    public static float Row(float* x, HadamardShape shape, int bits, float clip, sbyte* codes, int stride, float* scratch)
    {
        var width = shape.Width;
        if (!CpuHadamard<T>.Supports(shape))
        {
            var all = new Span<sbyte>(codes, stride);
            all[width..].Clear();
            return HadamardQuantizer.Row(new ReadOnlySpan<float>(x, width), shape, bits, clip, all[..width]);
        }

        var largest = LargestMagnitude(x, width);
        if (largest < QuantizePerToken.SmallestScale)
        {
            return Zero(codes, stride);
        }

        ToFixedPoint(x, width, HadamardQuantizer.FixedPointFactor(largest));
        Transform(x, shape, scratch);
        var highest = (1 << (bits - 1)) - 1;
        var step = clip * LargestMagnitude(x, width) / highest;
        var scale = step * HadamardQuantizer.Unit(largest, shape);
        if (scale < QuantizePerToken.SmallestScale)
        {
            return Zero(codes, stride);
        }

        RowQuantizer<T>.StoreCodes(x, width, 1f / step, highest, codes, stride);
        return scale;
    }

    private static float Zero(sbyte* codes, int stride)
    {
        new Span<sbyte>(codes, stride).Clear();
        return 1f;
    }

    private static float LargestMagnitude(float* x, int width)
    {
        var largest = T.Splat(0f);
        for (var i = 0; i < width; i += Count)
        {
            largest = T.Max(T.Abs(T.Load(x + i)), largest);
        }

        return T.MaxOf(largest);
    }

    private static void ToFixedPoint(float* x, int width, float factor)
    {
        T by = T.Splat(factor), low = T.Splat(-HadamardQuantizer.Largest), high = T.Splat(HadamardQuantizer.Largest);
        for (var i = 0; i < width; i += Count)
        {
            T.Store(x + i, T.Min(T.Max(T.Round(T.Load(x + i) * by), low), high));
        }
    }

    private static void Transform(float* x, HadamardShape shape, float* scratch)
    {
        var exact = Math.Min(shape.Doublings, ExactDoublings) * shape.Inner;
        for (var start = 0; start < shape.Width; start += exact)
        {
            CpuHadamard<T>.Butterflies(x + start, exact, shape.Inner);
        }

        if (shape.Order == 1 && shape.Doublings <= ExactDoublings)
        {
            return;
        }

        float* hi = scratch, lo = hi + shape.Width, spare = lo + shape.Width;
        for (var i = 0; i < shape.Width; i += Count)
        {
            T value = T.Load(x + i), upper = T.Round(value * T.Splat(1 / Split));
            T.Store(hi + i, upper);
            T.Store(lo + i, T.FusedMultiplyAdd(upper, T.Splat(-Split), value));
        }

        hi = Finish(hi, shape, exact, spare);
        lo = Finish(lo, shape, exact, hi == spare ? scratch : spare);
        for (var i = 0; i < shape.Width; i += Count)
        {
            T.Store(x + i, T.FusedMultiplyAdd(T.Load(hi + i), T.Splat(Split), T.Load(lo + i)));
        }
    }

    /// <summary>The strides that are left, then the m lines; returns where the result lies.</summary>
    private static float* Finish(float* x, HadamardShape shape, int firstStride, float* target)
    {
        var part = shape.Doublings * shape.Inner;
        for (var start = 0; start < shape.Width; start += part)
        {
            CpuHadamard<T>.Butterflies(x + start, part, firstStride);
        }

        if (shape.Order == 1)
        {
            return x;
        }

        CpuHadamard<T>.Mix(x, target, part, shape, 1f);
        return target;
    }
}
