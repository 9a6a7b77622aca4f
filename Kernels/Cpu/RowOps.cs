using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Cpu;

/// <summary>The ops that work on one row of floats: rms_norm, apply_rope and silu_and_mul.</summary>
internal static unsafe class RowOps<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;

    public static void RmsNorm(float* x, float* gain, float eps, float* y, int width)
    {
        var inverse = T.Splat(1f / MathF.Sqrt((SumOfSquares(x, width) / width) + eps));
        for (var i = 0; i < width; i += Count)
        {
            var normal = LaneMath<T>.Load(x + i, width - i) * inverse;
            normal = gain == null ? normal : normal * LaneMath<T>.Load(gain + i, width - i);
            LaneMath<T>.Store(y + i, normal, width - i);
        }
    }

    // 256 lanes: 16 sums of 16 lanes side by side, which also keeps the additions from waiting for each other.
    private static float SumOfSquares(float* x, int width)
    {
        const int Vectors = Reference.RmsNorm.Lanes / Count;
        var sums = stackalloc float[Reference.RmsNorm.Lanes];
        new Span<float>(sums, Reference.RmsNorm.Lanes).Clear();
        for (var start = 0; start < width; start += Reference.RmsNorm.Lanes)
        {
            for (var i = 0; i < Vectors && start + (i * Count) < width; i++)
            {
                var value = LaneMath<T>.Load(x + start + (i * Count), width - start - (i * Count));
                T.Store(sums + (i * Count), T.FusedMultiplyAdd(value, value, T.Load(sums + (i * Count))));
            }
        }

        for (var half = Vectors / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
            {
                T.Store(sums + (i * Count), T.Load(sums + (i * Count)) + T.Load(sums + ((i + half) * Count)));
            }
        }

        return T.Fold(T.Load(sums));
    }

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
