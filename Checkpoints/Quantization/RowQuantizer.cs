using System.Numerics;
using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>One worker of <see cref="WeightQuantizer"/>: quantizes a row at a time in buffers of its own.</summary>
internal sealed class RowQuantizer(IntegerRange range, int group, bool clipSearch)
{
    /// <summary>One group, padded with zeros, whose codes are 0 and add no loss.</summary>
    private readonly float[] _padded = new float[(group + PowerLoss.Lanes - 1) / PowerLoss.Lanes * PowerLoss.Lanes];

    private float[] _row = [];
    private sbyte[] _codes = [];

    /// <summary>Fills the scales and the stored codes of row <paramref name="index"/>.</summary>
    public void Quantize(LinearWeights weights, int index, Span<float> scales, Span<byte> stored)
    {
        if (_row.Length != weights.InFeatures)
        {
            _row = new float[weights.InFeatures];
            _codes = new sbyte[weights.InFeatures];
        }

        FloatRows.Read(weights, index, _row);
        for (int g = 0; g < scales.Length; g++)
        {
            Span<float> values = _row.AsSpan(g * group, group);
            scales[g] = FindScale(values, weights.Name, index);
            Encode(values, scales[g], _codes.AsSpan(g * group, group));
        }

        if (range.Format == WeightFormat.Int4)
        {
            PackedInt4.Pack(_codes, stored);
        }
        else
        {
            MemoryMarshal.AsBytes(_codes.AsSpan()).CopyTo(stored);
        }
    }

    private float FindScale(ReadOnlySpan<float> values, string name, int row)
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

    private void Encode(ReadOnlySpan<float> values, float scale, Span<sbyte> codes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            float code = MathF.Round(values[i] / scale, MidpointRounding.ToEven);
            codes[i] = (sbyte)Math.Clamp(code, range.Lowest, range.Highest);
        }
    }
}
