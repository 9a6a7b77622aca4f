using System.Runtime.InteropServices;
using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Tests.Ops;

/// <summary>Seeded inputs.</summary>
internal static class Data
{
    /// <summary>Roughly normal values with an outlier now and then, as activations have them.</summary>
    public static float[] Normal(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
            (float)((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * (random.Next(50) == 0 ? 40 : 1)))];
    }

    /// <summary>NaN everywhere: whatever an op leaves unwritten, or reads without being allowed to, shows.</summary>
    public static float[] Poison(int count)
    {
        var values = new float[count];
        Array.Fill(values, float.NaN);
        return values;
    }

    /// <summary>Random weights over the whole range of the format.</summary>
    public static LinearWeights Linear(WeightFormat format, int outFeatures, int inFeatures, int groupSize, bool bias, int seed)
    {
        var random = new Random(seed);
        var isInteger = format is WeightFormat.Int4 or WeightFormat.Int8;
        var shape = new LinearWeights
        {
            Name = "test.weight",
            OutFeatures = outFeatures,
            InFeatures = inFeatures,
            Format = format,
            Data = default,
            GroupSize = groupSize,
            Bias = bias ? Normal(outFeatures, seed + 1) : null,
            Scales = isInteger ? [.. Normal(outFeatures * (groupSize == 0 ? 1 : inFeatures / groupSize), seed + 2).Select(MathF.Abs)] : [],
        };
        var data = new byte[shape.RowBytes * outFeatures];
        if (isInteger)
        {
            random.NextBytes(data);
        }
        else if (format == WeightFormat.Float32)
        {
            Normal(outFeatures * inFeatures, seed).AsSpan().CopyTo(MemoryMarshal.Cast<byte, float>(data.AsSpan()));
        }
        else if (format == WeightFormat.BFloat16)
        {
            var upper = Normal(outFeatures * inFeatures, seed).Select(x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16)).ToArray();
            upper.AsSpan().CopyTo(MemoryMarshal.Cast<byte, ushort>(data.AsSpan()));
        }
        else
        {
            var halves = Normal(outFeatures * inFeatures, seed).Select(x => (Half)x).ToArray();
            halves.AsSpan().CopyTo(MemoryMarshal.Cast<byte, Half>(data.AsSpan()));
        }

        return shape with { Data = data };
    }
}
