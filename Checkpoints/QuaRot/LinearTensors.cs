using System.Runtime.InteropServices;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>
/// A linear layer as the tensors of a QuaRot checkpoint: weight, weight_scale when it is quantized, bias when there is one.
/// </summary>
internal static class LinearTensors
{
    /// <summary>
    /// <c>name.weight</c>: U8 [out, in/2] for INT4, I8 [out, in] for wider integers, F16 [out, in];
    /// <c>name.weight_scale</c>: F32 [out, groups]; <c>name.bias</c>: F32 [out].
    /// </summary>
    public static IEnumerable<SafetensorsTensor> Write(string name, LinearWeights weights)
    {
        long rows = weights.OutFeatures;
        (string dtype, long columns) = weights.Format switch
        {
            WeightFormat.Int4 => (TensorTypes.U8, weights.InFeatures / 2),
            WeightFormat.Int8 => (TensorTypes.I8, weights.InFeatures),
            WeightFormat.Float16 => (TensorTypes.F16, weights.InFeatures),
            _ => throw new ArgumentException($"{name}: {weights.Format} is not stored in a QuaRot checkpoint"),
        };
        yield return new SafetensorsTensor(name + ".weight", dtype, [rows, columns], weights.Data);
        if (weights.Scales.Length > 0)
        {
            long groups = weights.Scales.Length / rows;
            yield return new SafetensorsTensor(name + ".weight_scale", TensorTypes.F32, [rows, groups], Bytes(weights.Scales));
        }

        if (weights.Bias is not null)
        {
            yield return Vector(name + ".bias", weights.Bias);
        }
    }

    /// <summary>A vector in F32.</summary>
    public static SafetensorsTensor Vector(string name, float[] values) => new(name, TensorTypes.F32, [values.Length], Bytes(values));

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="folder">The checkpoint's tensors.</param>
    /// <param name="shape">The layer's name, sizes and whether it has a bias.</param>
    /// <param name="bits">Bits of a weight; 16 for FP16.</param>
    /// <param name="groupSize">Input features per scale, 0 for one scale a row.</param>
    /// <exception cref="CheckpointException">A tensor is missing or of another shape or type, or a scale is not above 0.</exception>
    public static LinearWeights Read(SafetensorsFolder folder, LinearShape shape, int bits, int groupSize)
    {
        var floats = new TensorReader(folder);
        var (rows, columns) = (shape.OutFeatures, shape.InFeatures);
        string weightName = shape.Name + ".weight";
        if (bits == 16)
        {
            Expect(folder, weightName, TensorTypes.F16, rows, columns);
            return floats.Linear(shape);
        }

        bool packed = bits <= 4;
        Expect(folder, weightName, packed ? TensorTypes.U8 : TensorTypes.I8, rows, packed ? columns / 2 : columns);
        return new LinearWeights
        {
            Name = weightName,
            OutFeatures = rows,
            InFeatures = columns,
            Format = packed ? WeightFormat.Int4 : WeightFormat.Int8,
            Data = folder.Bytes(weightName),
            Scales = ReadScales(folder, shape.Name + ".weight_scale", rows, groupSize == 0 ? 1 : columns / groupSize),
            GroupSize = groupSize,
            Bias = floats.Bias(shape),
        };
    }

    private static float[] ReadScales(SafetensorsFolder folder, string name, int rows, int groups)
    {
        Expect(folder, name, TensorTypes.F32, rows, groups);
        var scales = new float[rows * groups];
        folder.Bytes(name).Span.CopyTo(MemoryMarshal.AsBytes(scales.AsSpan()));
        for (int i = 0; i < scales.Length; i++)
        {
            if (!(scales[i] > 0 && float.IsFinite(scales[i])))
            {
                throw new CheckpointException(
                    folder.FileOf(name).Path, $"tensor '{name}': element {i} is {scales[i]}; a scale must be finite and above 0");
            }
        }

        return scales;
    }

    private static void Expect(SafetensorsFolder folder, string name, string dtype, int rows, int columns)
    {
        SafetensorsFile file = folder.FileOf(name);
        TensorInfo info = file.Info(name);
        if (info.DType != dtype)
        {
            throw new CheckpointException(file.Path, $"tensor '{name}': type {info.DType}; expected {dtype}");
        }

        if (!info.Shape.SequenceEqual([rows, columns]))
        {
            throw new CheckpointException(file.Path, $"tensor '{name}': shape {info.ShapeText}, the config asks for [{rows}, {columns}]");
        }
    }

    private static ReadOnlyMemory<byte> Bytes(float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
