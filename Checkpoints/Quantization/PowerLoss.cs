using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>Σ |w - scale·code|^2.4, the loss that the search for a weight clip minimises.</summary>
/// <remarks>
/// The exponent is that of the paper's code (GPTQ's "norm"). |e|^2.4 = e²·(e²)^(1/5); the fifth root comes from its inverse by Newton's
/// method. 16 lanes and a fixed order of reduction, so that the chosen scales are the same on every machine. The lanes are two vectors of
/// 8: machines without AVX-512 keep a vector of 16 in memory, not in registers, which took the search twice as long.
/// </remarks>
internal static class PowerLoss
{
    /// <summary>Elements of a row must be padded with zeros to a multiple of this.</summary>
    public const int Lanes = 16;

    /// <summary>Vectors between two looks at whether the loss has passed the best one so far.</summary>
    private const int CheckEvery = 16;

    /// <summary>
    /// Loss of quantizing <paramref name="row"/> (length a multiple of <see cref="Lanes"/>) with <paramref name="scale"/>. Gives up early
    /// and
    /// returns some number above <paramref name="best"/> once the partial sum passes it: the terms are not negative.
    /// </summary>
    public static float Compute(ReadOnlySpan<float> row, float scale, float lowest, float highest, float best)
    {
        Vector256<float> scales = Vector256.Create(scale);
        Vector256<float> low = Vector256.Create(lowest);
        Vector256<float> high = Vector256.Create(highest);
        Vector256<float> sum = Vector256<float>.Zero;
        Vector256<float> upperSum = Vector256<float>.Zero;
        int untilCheck = CheckEvery;
        for (int i = 0; i < row.Length; i += Lanes)
        {
            sum += Term(Vector256.Create(row.Slice(i, Lanes / 2)), scales, low, high);
            upperSum += Term(Vector256.Create(row.Slice(i + (Lanes / 2), Lanes / 2)), scales, low, high);
            if (--untilCheck == 0)
            {
                untilCheck = CheckEvery;
                if (Reduce(sum + upperSum) > best)
                {
                    break;
                }
            }
        }

        return Reduce(sum + upperSum);
    }

    /// <summary>a^1.2 for a >= 0, with a relative error below 1e-5 from 1e-30 upward; less than 1e-36 below that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Power(Vector256<float> a)
    {
        // The root of 0 would be infinite, and 0·∞ is no number.
        Vector256<float> positive = Vector256.MaxNative(a, Vector256.Create(1e-30f));

        // Reading a float's bits as an integer gives about 2^23·(log2 a + 127): a first guess of a^(-1/5), good to 4 %.
        Vector256<float> logarithm = Vector256.ConvertToSingle(positive.AsInt32());
        Vector256<float> guess = Vector256.Create(1277900000f) - (logarithm * 0.2f);

        // The native conversion differs only for numbers that no int holds, and these are between 2^28 and 2^31.
        Vector256<float> y = Vector256.ConvertToInt32Native(guess).AsSingle();
        Vector256<float> fifth = positive * 0.2f;
        for (int i = 0; i < 3; i++)
        {
            Vector256<float> square = y * y;
            y *= Vector256.Create(1.2f) - (fifth * (square * square * y));
        }

        Vector256<float> power = y * y;
        return a * (positive * (power * power));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Term(Vector256<float> w, Vector256<float> scales, Vector256<float> low, Vector256<float> high)
    {
        Vector256<float> code = Vector256.MinNative(Vector256.MaxNative(Vector256.Round(w / scales), low), high);
        Vector256<float> error = w - (code * scales);
        return Power(error * error);
    }

    /// <summary>Halves the lanes pairwise until one is left.</summary>
    private static float Reduce(Vector256<float> eight)
    {
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }
}
