using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads the float tensors of a checkpoint folder, checking type, shape and that every value is finite.</summary>
internal sealed class TensorReader(SafetensorsFolder folder)
{
    /// <summary>
    /// A matrix [rows, columns]; F32 and F16 stay views of the mapped file, BF16 becomes F32 (exactly: it is its upper half).
    /// </summary>
    /// <exception cref="CheckpointException">Missing, of another shape or type, or not finite.</exception>
    public LinearWeights Matrix(string name, int rows, int columns)
    {
        var (info, bytes) = Read(name, rows, columns);
        return new LinearWeights
        {
            Name = name,
            OutFeatures = rows,
            InFeatures = columns,
            Format = info.DType == TensorTypes.F16 ? WeightFormat.Float16 : WeightFormat.Float32,
            Data = info.DType == TensorTypes.BF16 ? WidenToBytes(name, bytes) : bytes,
        };
    }

    /// <summary>
    /// The weight of a linear layer without bias. A bias in the file is an error: leaving it out would give wrong answers in silence.
    /// </summary>
    /// <exception cref="CheckpointException">As for <see cref="Matrix"/>, or there is a bias.</exception>
    public LinearWeights Linear(string name, int rows, int columns)
    {
        if (folder.Contains($"{name}.bias"))
        {
            throw new CheckpointException(
                folder.FileOf($"{name}.bias").Path, $"tensor '{name}.bias': linear layers with a bias are not supported");
        }

        return Matrix($"{name}.weight", rows, columns);
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
                Widen(bytes.Span, result);
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

    private ReadOnlyMemory<byte> WidenToBytes(string name, ReadOnlyMemory<byte> bytes)
    {
        long size = bytes.Length * 2L;
        if (size > Array.MaxLength)
        {
            throw new CheckpointException(
                folder.FileOf(name).Path, $"tensor '{name}': {size} bytes once BF16 is widened to F32; 2 GiB is the limit");
        }

        var wide = GC.AllocateUninitializedArray<byte>((int)size);
        Widen(bytes.Span, MemoryMarshal.Cast<byte, float>(wide.AsSpan()));
        return wide;
    }

    private static void Widen(ReadOnlySpan<byte> bfloat16, Span<float> singles)
    {
        var source = MemoryMarshal.Cast<byte, ushort>(bfloat16);
        var target = MemoryMarshal.Cast<float, uint>(singles);
        for (int i = 0; i < source.Length; i++)
            target[i] = (uint)source[i] << 16;
    }
}
