using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads the float tensors of a checkpoint folder, checking type, shape and that every value is finite.</summary>
internal sealed class TensorReader(SafetensorsFolder folder)
{
    /// <summary>A matrix [rows, columns], a view of the mapped file.</summary>
    /// <exception cref="CheckpointException">Missing, of another shape or type, or not finite.</exception>
    public LinearWeights Matrix(string name, int rows, int columns)
    {
        var (info, bytes) = Read(name, rows, columns);
        return new LinearWeights
        {
            Name = name,
            OutFeatures = rows,
            InFeatures = columns,
            Format = info.DType switch
            {
                TensorTypes.F16 => WeightFormat.Float16,
                TensorTypes.BF16 => WeightFormat.BFloat16,
                _ => WeightFormat.Float32,
            },
            Data = bytes,
        };
    }

    /// <summary>A linear layer with the bias that its architecture asks for.</summary>
    /// <exception cref="CheckpointException">As for <see cref="Matrix"/>, or a bias is missing or out of place.</exception>
    public LinearWeights Linear(LinearShape shape) =>
        Matrix($"{shape.Name}.weight", shape.OutFeatures, shape.InFeatures) with { Bias = Bias(shape) };

    /// <summary>The bias of a layer, [out], or null where it has none.</summary>
    /// <exception cref="CheckpointException">
    /// It is missing, or there is one that the architecture does not know: leaving it out would give wrong answers in silence.
    /// </exception>
    public float[]? Bias(LinearShape shape)
    {
        string name = $"{shape.Name}.bias";
        if (!shape.HasBias && folder.Contains(name))
        {
            throw new CheckpointException(
                folder.FileOf(name).Path, $"tensor '{name}': by config.json this layer has no bias");
        }

        return shape.HasBias ? Vector(name, shape.OutFeatures) : null;
    }

    /// <summary>A vector [length] as singles.</summary>
    /// <exception cref="CheckpointException">Missing, of another shape or type, or not finite.</exception>
    public float[] Vector(string name, int length)
    {
        var (info, bytes) = Read(name, length);
        var result = new float[length];
        switch (info.DType)
        {
            case TensorTypes.F32:
                bytes.Span.CopyTo(MemoryMarshal.AsBytes(result.AsSpan()));
                break;
            case TensorTypes.F16:
                var halves = MemoryMarshal.Cast<byte, Half>(bytes.Span);
                for (int i = 0; i < length; i++)
                    result[i] = (float)halves[i];
                break;
            default:
                BFloat16.Widen(bytes.Span, result);
                break;
        }

        return result;
    }

    private (TensorInfo Info, ReadOnlyMemory<byte> Bytes) Read(string name, params int[] shape)
    {
        var file = folder.FileOf(name);
        var info = file.Info(name);
        if (info.DType is not (TensorTypes.F32 or TensorTypes.F16 or TensorTypes.BF16))
            throw new CheckpointException(file.Path, $"tensor '{name}': type {info.DType}; expected F32, F16 or BF16");
        if (!info.Shape.SequenceEqual(shape.Select(n => (long)n)))
        {
            throw new CheckpointException(
                file.Path, $"tensor '{name}': shape {info.ShapeText}, the config asks for [{string.Join(", ", shape)}]");
        }

        var bytes = file.Bytes(name);
        int bad = FiniteCheck.FirstNonFinite(bytes.Span, info.DType);
        if (bad >= 0)
            throw new CheckpointException(file.Path, $"tensor '{name}': element {bad} is NaN or infinite");
        return (info, bytes);
    }
}
