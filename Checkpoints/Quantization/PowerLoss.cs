using System.Runtime.Intrinsics;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>Σ |w - scale·code|^2.4, the loss that the search for a weight clip minimises.</summary>
/// <remarks>
/// The exponent is that of the paper's code (GPTQ's "norm"). |e|^2.4 = e²·(e²)^(1/5); the fifth root comes from its inverse by Newton's
/// method.
/// 16 lanes at every vector width and a fixed order of reduction, so that the chosen scales are the same on every machine.
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
        Vector512<float> scales = Vector512.Create(scale);
        Vector512<float> low = Vector512.Create(lowest);
        Vector512<float> high = Vector512.Create(highest);
        Vector512<float> sum = Vector512<float>.Zero;
        int untilCheck = CheckEvery;
        for (int i = 0; i < row.Length; i += Lanes)
        {
            Vector512<float> w = Vector512.Create(row.Slice(i, Lanes));
            Vector512<float> code = Vector512.MinNative(Vector512.MaxNative(Vector512.Round(w / scales), low), high);
            Vector512<float> error = w - (code * scales);
            sum += Power(error * error);
            if (--untilCheck == 0)
            {
                untilCheck = CheckEvery;
                if (Reduce(sum) > best)
                {
                    break;
                }
            }
        }

        return Reduce(sum);
    }

    /// <summary>a^1.2 for a >= 0, with a relative error below 1e-5 from 1e-30 upward; less than 1e-36 below that.</summary>
    internal static Vector512<float> Power(Vector512<float> a)
    {
        // The root of 0 would be infinite, and 0·∞ is no number.
        Vector512<float> positive = Vector512.MaxNative(a, Vector512.Create(1e-30f));

        // Reading a float's bits as an integer gives about 2^23·(log2 a + 127): a first guess of a^(-1/5), good to 4 %.
        Vector512<float> logarithm = Vector512.ConvertToSingle(positive.AsInt32());
        Vector512<float> guess = Vector512.Create(1277900000f) - (logarithm * 0.2f);
        Vector512<float> y = Vector512.ConvertToInt32(guess).AsSingle();
        Vector512<float> fifth = positive * 0.2f;
        for (int i = 0; i < 3; i++)
        {
            Vector512<float> square = y * y;
            y *= Vector512.Create(1.2f) - (fifth * (square * square * y));
        }

        Vector512<float> power = y * y;
        return a * (positive * (power * power));
    }

    /// <summary>Halves the lanes pairwise until one is left: the same order whatever the hardware's width.</summary>
    private static float Reduce(Vector512<float> sum)
    {
        Vector256<float> eight = sum.GetLower() + sum.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }
}
