using QuaRot.Checkpoints;
using QuaRot.Kernels.Gpu.Fused;
using QuaRot.Kernels.Numerics;
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
        var problem = new Problem(rows, outFeatures, isGrouped ? W4Gemm.GroupSize : 0, isBiased);
        using var x = new CodeRows(device, rows, In);
        x.Codes.Write<sbyte>(problem.Codes);
        x.Scales.Write<float>(problem.RowScales);
        using var w = PackedW4.Pack(device, interleave: false, problem.Weights);
        using var y = device.Allocate((long)rows * outFeatures * sizeof(float), "y");
        foreach (var ending in Enum.GetValues<W4Gemm.Ending>())
        {
            var old = Data.Normal(rows * outFeatures, 5);
            y.Write<float>(old);
            W4Gemm.Launch(device, x, w, y, rows, ending);
            var expected = problem.Expected(ending, old);
            var actual = new float[expected.Length];
            y.Read<float>(actual);
            for (var i = 0; i < expected.Length; i++)
            {
                if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                {
                    Assert.Fail($"{ending}, element {i} of {expected.Length}: {actual[i]:r} instead of {expected[i]:r}");
                }
            }
        }
    }

    private sealed class Problem
    {
        private readonly int _rows, _out, _groups;
        private readonly sbyte[] _weights;
        private readonly float[] _scales;
        private readonly float[]? _bias;

        public Problem(int rows, int outFeatures, int groupSize, bool isBiased)
        {
            (_rows, _out, _groups) = (rows, outFeatures, groupSize == 0 ? 1 : In / groupSize);
            var random = new Random(rows);
            Codes = [.. Enumerable.Range(0, rows * In).Select(_ => (sbyte)random.Next(-8, 8))];
            _weights = [.. Enumerable.Range(0, outFeatures * In).Select(_ => (sbyte)random.Next(-8, 8))];

            // Gates from far below to far above what an exponential can take, some rows tiny, one zero.
            RowScales = [.. Enumerable.Range(0, rows).Select(row => row % 8 == 3 ? 1e-30f : (float)Math.Pow(10, (random.NextDouble() * 4) - 3))];
            _scales = [.. Enumerable.Range(0, outFeatures * _groups).Select(_ => 0.01f + random.NextSingle())];
            _bias = isBiased ? Data.Normal(outFeatures, 7) : null;
            Codes.AsSpan(0, In).Clear();
            var packed = new byte[outFeatures * In / 2];
            for (var i = 0; i < packed.Length; i++)
            {
                packed[i] = (byte)((_weights[2 * i] & 15) | (_weights[(2 * i) + 1] << 4));
            }

            Weights = new LinearWeights
            {
                Name = "w",
                Format = WeightFormat.Int4,
                OutFeatures = outFeatures,
                InFeatures = In,
                GroupSize = groupSize,
                Data = packed,
                Scales = _scales,
                Bias = _bias,
            };
        }

        public sbyte[] Codes { get; }

        public float[] RowScales { get; }

        public LinearWeights Weights { get; }

        /// <summary>Backend.Gemm and Backend.SiluAndMul, in plain loops.</summary>
        public float[] Expected(W4Gemm.Ending ending, float[] old)
        {
            var y = new float[_rows * _out];
            Parallel.For(0, _rows, row =>
            {
                for (var o = 0; o < _out; o++)
                {
                    y[(row * _out) + o] = Value(row, o);
                }
            });
            if (ending == W4Gemm.Ending.Add)
            {
                return [.. y.Zip(old, (value, before) => before + value)];
            }

            if (ending == W4Gemm.Ending.SiluAndMul)
            {
                // Packed one after the other: neighbouring rows of W are gate and up here.
                var u = y.Chunk(2).Select(pair => FloatMath.Silu(pair[0]) * pair[1]);
                return [.. u, .. old[(y.Length / 2)..]];
            }

            return y;
        }

        private float Value(int row, int channel)
        {
            var sum = 0f;
            for (var group = 0; group < _groups; group++)
            {
                var acc = 0;
                for (var k = group * In / _groups; k < (group + 1) * In / _groups; k++)
                {
                    acc += Codes[(row * In) + k] * _weights[(channel * In) + k];
                }

                sum = MathF.FusedMultiplyAdd(acc, _scales[(channel * _groups) + group], sum);
            }

            var value = sum * RowScales[row];
            return _bias is null ? value : value + _bias[channel];
        }
    }
}
