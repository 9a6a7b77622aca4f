using System.Numerics;
using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>Finds the scale of a group of weights; for one thread at a time.</summary>
internal sealed class ScaleSearch(IntegerRange range, int group)
{
    /// <summary>One group, padded with zeros, whose codes are 0 and add no loss.</summary>
    private readonly float[] _padded = new float[(group + PowerLoss.Lanes - 1) / PowerLoss.Lanes * PowerLoss.Lanes];

    /// <summary>The scale of a group.</summary>
    /// <param name="values">[group]</param>
    /// <param name="clipSearch">Search it instead of taking it from the largest weight.</param>
    /// <param name="name">Name of the matrix, for the error.</param>
    /// <param name="row">Its row, for the error.</param>
    /// <exception cref="InvalidDataException">A weight is not finite; the message names the tensor and the row.</exception>
    public float Find(ReadOnlySpan<float> values, bool clipSearch, string name, int row)
    {
        float largest = LargestMagnitude(values);
        if (!float.IsFinite(largest))
        {
            throw new InvalidDataException($"{name}: row {row} holds a weight that is not finite");
        }

        // A scale below the smallest normal number would lose the codes to rounding: such weights count as zero.
        float plain = largest / range.Highest;
        if (plain < 1.17549435e-38f)
        {
            return 1f;
        }

        return clipSearch ? SearchScale(values, largest, plain) : plain;
    }

    private float SearchScale(ReadOnlySpan<float> values, float largest, float plain)
    {
        values.CopyTo(_padded);
        float bestScale = plain;
        float bestLoss = float.PositiveInfinity;
        for (int step = 0; step < WeightQuantizer.ClipSteps; step++)
        {
            float clip = (100 - step) / 100f;
            float scale = clip * largest / range.Highest;
            float loss = PowerLoss.Compute(_padded, scale, range.Lowest, range.Highest, bestLoss);
            if (loss < bestLoss && scale > 0)
            {
                bestLoss = loss;
                bestScale = scale;
            }
        }

        return bestScale;
    }

    /// <summary>max |w|; not a number as soon as one weight is not.</summary>
    private static float LargestMagnitude(ReadOnlySpan<float> values)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        Vector<float> lanes = Vector<float>.Zero;
        foreach (Vector<float> v in vectors)
        {
            lanes = Vector.Max(lanes, Vector.Abs(v));
        }

        float largest = 0;
        for (int i = 0; i < Vector<float>.Count; i++)
        {
            largest = MathF.Max(largest, lanes[i]);
        }

        foreach (float v in values[(vectors.Length * Vector<float>.Count)..])
        {
            largest = MathF.Max(largest, MathF.Abs(v));
        }

        return largest;
    }
}
