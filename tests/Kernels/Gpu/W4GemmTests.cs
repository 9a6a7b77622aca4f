using QuaRot.Checkpoints;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Gpu.Fused;
using QuaRot.Kernels.Host;
using QuaRot.Kernels.Reference;
using QuaRot.Kernels.Tests.Ops;
using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

/// <summary>w4a4_gemm of the fused stage, every kernel and every ending, against the contract's formula.</summary>
[Trait("device", "gpu")]
public class W4GemmTests
{
    private const int In = 256;

    // Rows of each kernel, and rows at which its last tile is not full; channels that fill no tile.
    public static TheoryData<int, int, bool, bool> Shapes => new()
    {
        { 1, 66, false, false }, { 8, 66, true, true }, { 16, 8448, false, true }, { 64, 66, true, false },
        { 256, 322, false, true }, { 257, 66, true, false }, { 1024, 66, false, false }, { 1024, 258, false, true }, { 1029, 66, false, true },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_ending_gives_the_bits_of_the_formula(int rows, int outFeatures, bool isGrouped, bool isBiased)
    {
        var device = SharedGpu.Require().Device;
        var reference = new ReferenceBackend();
        var weights = Data.Linear(WeightFormat.Int4, outFeatures, In, isGrouped ? W4Gemm.GroupSize : 0, isBiased, seed: outFeatures);
        using var input = reference.Upload(Input(rows));
        using var codes = (HostRows)reference.AllocateRows(rows, In);
        reference.QuantizePerToken(input, codes, rows, In, 4, 1f);
        using var x = Upload(device, codes);
        using var w = PackedW4.Pack(device, interleave: false, weights);
        using var y = device.Allocate((long)rows * outFeatures * sizeof(float), "y");
        var old = Data.Normal(rows * outFeatures, 5);
        foreach (var ending in Enum.GetValues<W4Gemm.Ending>())
        {
            y.Write<float>(old);
            W4Gemm.Launch(device, x, w, y, rows, ending);
            var actual = new float[old.Length];
            y.Read<float>(actual);
            BackendPair.RequireSameBits(Expected(reference, codes, weights, old, ending), actual, $"{ending}");
        }
    }

    // Gates from far below to far above what an exponential can take; some rows tiny, the first one zero.
    private static float[] Input(int rows)
    {
        var random = new Random(rows);
        var values = Data.Normal(rows * In, 3);
        for (var row = 0; row < rows; row++)
        {
            var factor = row == 0 && rows > 1 ? 0f : row % 8 == 3 ? 1e-26f : (float)Math.Pow(10, (random.NextDouble() * 4) - 3);
            foreach (ref var value in values.AsSpan(row * In, In))
            {
                value *= factor;
            }
        }

        return values;
    }

    private static unsafe CodeRows Upload(GpuDevice device, HostRows codes)
    {
        var x = new CodeRows(device, codes.Rows, In);
        x.Codes.Write(new ReadOnlySpan<sbyte>(codes.Codes, codes.Rows * In));
        x.Scales.Write(new ReadOnlySpan<float>(codes.Scales, codes.Rows));
        return x;
    }

    private static float[] Expected(ReferenceBackend reference, HostRows codes, LinearWeights weights, float[] old, W4Gemm.Ending ending)
    {
        using var w = reference.LoadLinear(weights);
        using var y = reference.Upload(old);
        reference.Gemm(codes, w, y, accumulate: ending == W4Gemm.Ending.Add);
        var values = new float[old.Length];
        y.CopyTo(values);
        if (ending != W4Gemm.Ending.SiluAndMul)
        {
            return values;
        }

        // Packed one after the other: neighbouring rows of W are gate and up here. What lies behind the result stays.
        using var gate = reference.Upload([.. values.Where((_, i) => i % 2 == 0)]);
        using var up = reference.Upload([.. values.Where((_, i) => i % 2 == 1)]);
        reference.SiluAndMul(gate, up, gate, values.Length / 2);
        gate.CopyTo(values.AsSpan(0, values.Length / 2));
        return [.. values[..(values.Length / 2)], .. old[(values.Length / 2)..]];
    }
}
