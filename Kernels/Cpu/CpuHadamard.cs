using System.Runtime.CompilerServices;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;

namespace QuaRot.Kernels.Cpu;

/// <summary>hadamard_transform of one block of a row, [size][inner], where 2^k·inner is a multiple of 16.</summary>
/// <remarks>
/// The block is [order][2^k·inner] floats. Strides of at least 16 floats pair vectors; smaller ones pair lanes within a vector: the swapped
/// vector plus the vector with its upper lanes negated is u + v below and u - v above.
/// </remarks>
internal static unsafe class CpuHadamard<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;

    /// <summary>False where a vector would straddle two of the m sub-blocks; the plain loops then do it.</summary>
    public static bool Supports(HadamardShape shape) => shape.Doublings * shape.Inner % Count == 0
        && (shape.Inner % Count == 0 || System.Numerics.BitOperations.IsPow2(shape.Inner));

    /// <summary>Transforms x in place; <paramref name="scratch"/> holds size·inner floats.</summary>
    public static void Block(float* x, HadamardShape shape, float* scratch)
    {
        var part = shape.Doublings * shape.Inner;
        for (var start = 0; start < shape.Order; start++)
        {
            Butterflies(x + (start * part), part, shape.Inner);
        }

        if (shape.Order > 1)
        {
            new ReadOnlySpan<float>(x, shape.Order * part).CopyTo(new Span<float>(scratch, shape.Order * part));
            Mix(scratch, x, part, shape);
            return;
        }

        for (var i = 0; i < part; i += Count)
        {
            T.Store(x + i, T.Load(x + i) * T.Splat(shape.Scale));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Butterflies(float* x, int length, int firstStride)
    {
        for (var stride = firstStride; stride < length; stride *= 2)
        {
            if (stride < Count)
            {
                WithinVectors(x, length, stride);
                continue;
            }

            for (var start = 0; start < length; start += 2 * stride)
            {
                for (var i = start; i < start + stride; i += Count)
                {
                    T u = T.Load(x + i), v = T.Load(x + i + stride);
                    T.Store(x + i, u + v);
                    T.Store(x + i + stride, u - v);
                }
            }
        }
    }

    private static void WithinVectors(float* x, int length, int stride)
    {
        for (var i = 0; i < length; i += Count)
        {
            var v = T.Load(x + i);
            T.Store(x + i, T.Swap(v, stride) + T.NegateUpper(v, stride));
        }
    }

    /// <summary>Part a' of y := Σ_a H[a, a']·part a of x, then the scale; m is a multiple of 4, and four parts take shape at a time.</summary>
    /// <remarks>A fused multiply-add with ±1 is that addition or subtraction, bit for bit, and has no branch.</remarks>
    private static void Mix(float* x, float* y, int part, HadamardShape shape)
    {
        fixed (float* signs = shape.Signs)
        {
            for (var to = 0; to < shape.Order; to += 4)
            {
                for (var i = 0; i < part; i += Count)
                {
                    MixFour(x + i, y + (to * part) + i, part, signs + to, shape);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MixFour(float* x, float* y, int part, float* signs, HadamardShape shape)
    {
        T a = T.Splat(0f), b = a, c = a, d = a;
        for (var from = 0; from < shape.Order; from++, x += part, signs += shape.Order)
        {
            var value = T.Load(x);
            a = T.FusedMultiplyAdd(value, T.Splat(signs[0]), a);
            b = T.FusedMultiplyAdd(value, T.Splat(signs[1]), b);
            c = T.FusedMultiplyAdd(value, T.Splat(signs[2]), c);
            d = T.FusedMultiplyAdd(value, T.Splat(signs[3]), d);
        }

        var scale = T.Splat(shape.Scale);
        T.Store(y, a * scale);
        T.Store(y + part, b * scale);
        T.Store(y + (2 * part), c * scale);
        T.Store(y + (3 * part), d * scale);
    }
}
