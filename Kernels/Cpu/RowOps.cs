using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Cpu;

/// <summary>The ops that work on one row of floats: rms_norm, apply_rope and silu_and_mul.</summary>
internal static unsafe class RowOps<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void RmsNorm(float* x, float* gain, float* bias, float eps, float* y, int width)
    {
        var inverse = T.Splat(1f / MathF.Sqrt((SumOfSquares(x, width) / width) + eps));
        for (var i = 0; i < width; i += Count)
        {
            var normal = LaneMath<T>.Load(x + i, width - i) * inverse;
            normal = gain == null ? normal : normal * LaneMath<T>.Load(gain + i, width - i);
            normal = bias == null ? normal : normal + LaneMath<T>.Load(bias + i, width - i);
            LaneMath<T>.Store(y + i, normal, width - i);
        }
    }

    /// <summary>The 256-lane sum of x·x: 16 vectors of lanes, of which v and v + 4, v + 8, v + 12 are summed at a time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float SumOfSquares(float* x, int width)
    {
        T a = Quarter(x, width), b = Quarter(x + Count, width - Count);
        T c = Quarter(x + (2 * Count), width - (2 * Count)), d = Quarter(x + (3 * Count), width - (3 * Count));
        return T.Fold(a + c + (b + d));
    }

    private static T Quarter(float* x, int count)
    {
        const int Step = 4 * Count;
        T a = T.Splat(0f), b = a, c = a, d = a;
        for (; count > 0; count -= 4 * Step, x += 4 * Step)
        {
            a = AddSquare(a, x, count);
            b = AddSquare(b, x + Step, count - Step);
            c = AddSquare(c, x + (2 * Step), count - (2 * Step));
            d = AddSquare(d, x + (3 * Step), count - (3 * Step));
        }

        return a + c + (b + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T AddSquare(T sum, float* x, int count)
    {
        if (count <= 0)
        {
            return sum;
        }

        var value = LaneMath<T>.Load(x, count);
        return T.FusedMultiplyAdd(value, value, sum);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ApplyRope(float* x, float* cos, float* sin, int half)
    {
        for (var i = 0; i < half; i += Count)
        {
            T a = LaneMath<T>.Load(x + i, half - i), b = LaneMath<T>.Load(x + half + i, half - i);
            T c = LaneMath<T>.Load(cos + i, half - i), s = LaneMath<T>.Load(sin + i, half - i);
            var minusB = T.Splat(-1f) * b;
            LaneMath<T>.Store(x + i, T.FusedMultiplyAdd(minusB, s, a * c), half - i);
            LaneMath<T>.Store(x + half + i, T.FusedMultiplyAdd(a, s, b * c), half - i);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void SiluAndMul(float* gate, float* up, float* u, long count)
    {
        for (var i = 0L; i < count; i += Count)
        {
            var rest = (int)Math.Min(Count, count - i);
            var x = LaneMath<T>.Load(gate + i, rest);
            var silu = x / (T.Splat(1f) + LaneMath<T>.Exp(T.Splat(-1f) * x));
            LaneMath<T>.Store(u + i, silu * LaneMath<T>.Load(up + i, rest), rest);
        }
    }
}
