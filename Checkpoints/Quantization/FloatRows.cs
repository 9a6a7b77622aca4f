using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>Rows of a float weight matrix as numbers, whatever its format.</summary>
internal static class FloatRows
{
    /// <summary>Copies row <paramref name="row"/> of a float matrix.</summary>
    /// <param name="weights">[out, in]; its bytes need not be aligned.</param>
    /// <param name="row">Output channel.</param>
    /// <param name="target">[in], receives the numbers.</param>
    /// <exception cref="ArgumentException">The matrix is an integer one.</exception>
    public static void Read(LinearWeights weights, int row, Span<float> target)
    {
        // long: a row's offset in an embedding can pass 2^31 in elements, though a matrix of 2 GiB is refused when it is read.
        ReadOnlySpan<byte> bytes = weights.Data.Span.Slice(checked((int)((long)row * weights.RowBytes)), weights.RowBytes);
        switch (weights.Format)
        {
            case WeightFormat.Float32:
                bytes.CopyTo(MemoryMarshal.AsBytes(target));
                break;
            case WeightFormat.Float16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (int i = 0; i < halves.Length; i++)
                {
                    target[i] = (float)halves[i];
                }

                break;
            case WeightFormat.BFloat16:
                BFloat16.Widen(bytes, target);
                break;
            default:
                throw new ArgumentException($"{weights.Name}: {weights.Format} is not a float format");
        }
    }

    /// <summary>A view of <paramref name="count"/> rows from <paramref name="first"/> on, named so that errors are understood.</summary>
    public static LinearWeights Slice(LinearWeights weights, int first, int count) => count == weights.OutFeatures ? weights : weights with
    {
        Name = first == 0 ? weights.Name : $"{weights.Name}, counted from row {first}",
        OutFeatures = count,
        Data = weights.Data.Slice(checked(first * weights.RowBytes), count * weights.RowBytes),
    };

    /// <summary>Stores a row in <paramref name="format"/>, Float32 or Float16.</summary>
    /// <exception cref="InvalidDataException">A number does not fit FP16; the message names the tensor, row and column.</exception>
    public static void Write(ReadOnlySpan<float> values, WeightFormat format, Span<byte> target, string name, int row)
    {
        if (format == WeightFormat.Float32)
        {
            MemoryMarshal.AsBytes(values).CopyTo(target);
            return;
        }

        Span<Half> halves = MemoryMarshal.Cast<byte, Half>(target);
        for (int i = 0; i < values.Length; i++)
        {
            halves[i] = (Half)values[i];
            if (!Half.IsFinite(halves[i]))
            {
                throw new InvalidDataException(
                    $"{name}: {values[i]:R} at row {row}, column {i} does not fit FP16 (largest is {(float)Half.MaxValue})");
            }
        }
    }

    /// <summary>The matrix in <paramref name="format"/>; itself when it has it already.</summary>
    /// <inheritdoc cref="Write"/>
    public static LinearWeights Convert(LinearWeights weights, WeightFormat format, CancellationToken cancellation)
    {
        if (weights.Format == format)
        {
            return weights;
        }

        LinearWeights result = weights with { Format = format, Data = default };
        int rowBytes = result.RowBytes;
        var data = new byte[(long)weights.OutFeatures * rowBytes];
        ParallelRows.Run(weights.OutFeatures, () => new float[weights.InFeatures], (row, values) =>
        {
            Read(weights, row, values);
            Write(values, format, data.AsSpan(row * rowBytes, rowBytes), weights.Name, row);
        }, cancellation);
        return result with { Data = data };
    }
}
