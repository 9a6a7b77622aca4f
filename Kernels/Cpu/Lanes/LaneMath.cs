using System.Runtime.CompilerServices;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>What is built from the operations of <see cref="ILanes{T}"/> alone.</summary>
internal static unsafe class LaneMath<T>
    where T : unmanaged, ILanes<T>
{
    /// <summary><see cref="FloatMath.Exp"/> of each lane, bit for bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp(T x)
    {
        x = T.Min(T.Max(x, T.Splat(FloatMath.ExpLowest)), T.Splat(FloatMath.ExpHighest));
        var n = T.Round(x * T.Splat(FloatMath.Log2E));
        var r = T.FusedMultiplyAdd(n, T.Splat(-FloatMath.Ln2High), x);
        r = T.FusedMultiplyAdd(n, T.Splat(-FloatMath.Ln2Low), r);
        var p = T.FusedMultiplyAdd(T.Splat(FloatMath.C6), r, T.Splat(FloatMath.C5));
        p = T.FusedMultiplyAdd(p, r, T.Splat(FloatMath.C4));
        p = T.FusedMultiplyAdd(p, r, T.Splat(FloatMath.C3));
        p = T.FusedMultiplyAdd(p, r, T.Splat(FloatMath.C2));
        p = T.FusedMultiplyAdd(p, r * r, r) + T.Splat(1f);
        return T.ScaleByPower(p, n);
    }

    /// <summary>The first <paramref name="count"/> lanes from memory, the others +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load(float* source, int count) => count >= ILanes<T>.Count ? T.Load(source) : LoadPart(source, count);

    /// <summary>Stores the first <paramref name="count"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, T value, int count)
    {
        if (count >= ILanes<T>.Count)
        {
            T.Store(target, value);
        }
        else
        {
            StorePart(target, value, count);
        }
    }

    /// <summary>The 16-lane sum of a[i]·b[i].</summary>
    public static float Dot(float* a, float* b, int count)
    {
        var sum = T.Splat(0f);
        for (var i = 0; i < count; i += ILanes<T>.Count)
        {
            sum = T.FusedMultiplyAdd(Load(a + i, count - i), Load(b + i, count - i), sum);
        }

        return T.Fold(sum);
    }

    private static T LoadPart(float* source, int count)
    {
        var lanes = stackalloc float[ILanes<T>.Count];
        for (var i = 0; i < ILanes<T>.Count; i++)
        {
            lanes[i] = i < count ? source[i] : 0f;
        }

        return T.Load(lanes);
    }

    private static void StorePart(float* target, T value, int count)
    {
        var lanes = stackalloc float[ILanes<T>.Count];
        T.Store(lanes, value);
        for (var i = 0; i < count; i++)
        {
            target[i] = lanes[i];
        }
    }
}
