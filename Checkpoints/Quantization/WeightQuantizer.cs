using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>Symmetric round-to-nearest quantization of weights, with one scale per output channel or per group of input features.</summary>
/// <remarks>
/// code = clamp(round_half_even(w / scale)), scale = clip·max|w| / (2^(b-1) - 1) in single precision, w ≈ code·scale. QuaRot, section 4
/// (arXiv 2404.00456): the clip is 1, or the one of 80 steps from 1 down to 0.21 with the smallest Σ|w - code·scale|^2.4; equal losses keep
/// the
/// larger clip. A row of zeros gets scale 1. Rows are independent, so that the result does not depend on the number of threads.
/// </remarks>
public static class WeightQuantizer
{
    /// <summary>Number of clips that the search tries: 1, 0.99, …, 0.21.</summary>
    public const int ClipSteps = 80;

    /// <summary>Quantizes a float matrix.</summary>
    /// <param name="weights">[out, in] in a float format.</param>
    /// <param name="bits">3 or 4 (stored as INT4), 5 to 8 (stored as bytes).</param>
    /// <param name="groupSize">Input features per scale, an even divisor of in; 0 for one scale per output channel.</param>
    /// <param name="clipSearch">Search the clip instead of using 1.</param>
    /// <param name="cancellation">Stops between rows.</param>
    /// <exception cref="ArgumentException">The bits or the group size do not fit; the message names the tensor.</exception>
    /// <exception cref="InvalidDataException">A weight is not finite; the message names the tensor and the row.</exception>
    public static LinearWeights Quantize(
        LinearWeights weights, int bits, int groupSize, bool clipSearch, CancellationToken cancellation = default)
    {
        Check(weights, bits, groupSize);
        var range = new IntegerRange(bits);
        int group = groupSize == 0 ? weights.InFeatures : groupSize;
        int groups = weights.InFeatures / group;
        int rowBytes = range.Format == WeightFormat.Int4 ? weights.InFeatures / 2 : weights.InFeatures;
        var data = new byte[(long)weights.OutFeatures * rowBytes];
        var scales = new float[weights.OutFeatures * groups];
        ParallelRows.Run(weights.OutFeatures, () => new RowQuantizer(range, group, clipSearch), (row, worker) =>
            worker.Quantize(weights, row, scales.AsSpan(row * groups, groups), data.AsSpan(row * rowBytes, rowBytes)), cancellation);
        return weights with { Format = range.Format, Data = data, Scales = scales, GroupSize = groupSize };
    }

    /// <summary>The matrix in FP16, for checkpoints whose weights are not quantized.</summary>
    /// <exception cref="InvalidDataException">A weight does not fit FP16; the message names the tensor, row and column.</exception>
    public static LinearWeights ToHalf(LinearWeights weights, CancellationToken cancellation = default) =>
        FloatRows.Convert(weights, WeightFormat.Float16, cancellation);

    /// <summary>The weights of any format, [out·in], row-major.</summary>
    public static float[] Values(LinearWeights weights)
    {
        if (weights.Format is WeightFormat.Int4 or WeightFormat.Int8)
        {
            return Dequantize(weights);
        }

        var values = new float[(long)weights.OutFeatures * weights.InFeatures];
        for (int row = 0; row < weights.OutFeatures; row++)
        {
            FloatRows.Read(weights, row, values.AsSpan(row * weights.InFeatures, weights.InFeatures));
        }

        return values;
    }

    /// <summary>The weights that the codes and scales stand for, [out·in], row-major.</summary>
    /// <param name="weights">An integer matrix.</param>
    /// <exception cref="ArgumentException">The matrix is a float one; the message names it.</exception>
    public static float[] Dequantize(LinearWeights weights)
    {
        if (weights.Format is not (WeightFormat.Int4 or WeightFormat.Int8))
        {
            throw new ArgumentException($"{weights.Name}: {weights.Format} is not an integer format");
        }

        int columns = weights.InFeatures;
        int group = weights.GroupSize == 0 ? columns : weights.GroupSize;
        var values = new float[(long)weights.OutFeatures * columns];
        var codes = new sbyte[columns];
        for (int row = 0; row < weights.OutFeatures; row++)
        {
            ReadCodes(weights, row, codes);
            for (int k = 0; k < columns; k++)
            {
                values[((long)row * columns) + k] = codes[k] * weights.Scales[(row * (columns / group)) + (k / group)];
            }
        }

        return values;
    }

    /// <summary>The integer codes of one row.</summary>
    /// <param name="weights">An integer matrix.</param>
    /// <param name="row">Output channel.</param>
    /// <param name="codes">[in], receives the codes.</param>
    public static void ReadCodes(LinearWeights weights, int row, Span<sbyte> codes)
    {
        ReadOnlySpan<byte> bytes = weights.Data.Span.Slice(row * weights.RowBytes, weights.RowBytes);
        if (weights.Format == WeightFormat.Int4)
        {
            PackedInt4.Unpack(bytes, codes);
        }
        else
        {
            MemoryMarshal.Cast<byte, sbyte>(bytes).CopyTo(codes);
        }
    }

    /// <summary>Checks bits and groups against the width of a layer.</summary>
    /// <exception cref="ArgumentException">They do not fit; the message names the tensor.</exception>
    internal static void CheckShape(string name, int inFeatures, int bits, int groupSize)
    {
        if (bits == 16 || !IntegerRange.SupportedBits.Contains(bits))
        {
            throw new ArgumentException($"{name}: {bits} bits per weight; supported are 3 to 8");
        }

        if (groupSize < 0 || groupSize % 2 != 0 || (groupSize > 0 && inFeatures % groupSize != 0))
        {
            throw new ArgumentException($"{name}: group size {groupSize} must be 0 or an even divisor of its {inFeatures} input features");
        }

        if (bits <= 4 && inFeatures % 2 != 0)
        {
            throw new ArgumentException($"{name}: {inFeatures} input features; INT4 packs pairs and needs an even number");
        }
    }

    private static void Check(LinearWeights weights, int bits, int groupSize)
    {
        CheckShape(weights.Name, weights.InFeatures, bits, groupSize);
        if (weights.Format is WeightFormat.Int4 or WeightFormat.Int8)
        {
            throw new ArgumentException($"{weights.Name}: {weights.Format} is quantized already");
        }
    }
}
