using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Tests.Quantization;

/// <summary>Small weight matrices for tests.</summary>
internal static class TestWeights
{
    public static LinearWeights FromFloats(string name, int rows, int columns, float[] values) => new()
    {
        Name = name,
        OutFeatures = rows,
        InFeatures = columns,
        Format = WeightFormat.Float32,
        Data = MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
    };

    public static LinearWeights Random(string name, int rows, int columns, int seed, float deviation = 0.02f)
    {
        var random = new Random(seed);
        var values = new float[rows * columns];
        for (int i = 0; i < values.Length; i++)
        {
            // The sum of four uniforms is close enough to the bell shape of real weights.
            double sum = random.NextDouble() + random.NextDouble() + random.NextDouble() + random.NextDouble() - 2;
            values[i] = (float)(sum * deviation * 1.7);
        }

        return FromFloats(name, rows, columns, values);
    }

    public static float[] Floats(LinearWeights weights) => MemoryMarshal.Cast<byte, float>(weights.Data.Span).ToArray();
}
