using QuaRot.Kernels.Backends;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

public class RowOpsTests
{
    private static readonly int[] Shapes = [1, 15, 16, 17, 64, 100, 240, 255, 256, 257, 272, 512, 1000, 1280];

    public static TheoryData<Candidate> Candidates => BackendPair.Candidates;

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Rms_norm(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var width in Shapes)
        {
            foreach (var (withGain, withBias) in ((bool, bool)[])[(false, false), (true, false), (false, true), (true, true)])
            {
                pair.RequireSameBits(backend => BackendPair.Apply(backend, Data.Normal(3 * width, 1), 3 * width, (x, y) =>
                {
                    using var gain = backend.Upload(Data.Normal(width, 2));
                    using var bias = backend.Upload(Data.Normal(width, 4));
                    backend.RmsNorm(x, withGain ? gain : null, withBias ? bias : null, 1e-5f, y, 3, width);
                }), $"width {width}, gain {withGain}, bias {withBias}");
            }
        }
    }

    [Fact]
    public void Rms_norm_matches_the_formula()
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var x = Data.Normal(100, 3);
        var y = BackendPair.Apply(pair.Reference, x, 100, (a, b) => pair.Reference.RmsNorm(a, null, null, 1e-5f, b, 1, 100));
        var root = Math.Sqrt(x.Sum(value => (double)value * value / 100) + 1e-5);
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal(x[i] / root, y[i], 1e-5));
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Quantize_per_token(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var width in Shapes)
        {
            foreach (var bits in (int[])[3, 4, 6, 8, 16])
            {
                pair.RequireSameBits(backend => Quantize(backend, Data.Normal(17 * width, bits), 17, width, bits, 0.9f),
                    $"width {width}, {bits} bits");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Round_groups_is_quantize_per_token_of_each_group(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var (width, group) in (((int, int)[])[(128, 64), (512, 128), (1280, 256), (64, 64)]))
        {
            var x = Data.Normal(5 * width, group);
            Array.Clear(x, width, group);
            pair.RequireSameBits(backend => Rounded(backend, x, width, group), $"width {width}, groups of {group}");
            float[] expected = [.. x.Chunk(group).SelectMany(part => Dequantized(Quantize(pair.Reference, part, 1, group, 4, 0.9f)))];
            Assert.Equal(expected, Rounded(pair.Reference, x, width, group));
        }

        static float[] Rounded(Backend backend, float[] x, int width, int group) =>
            QuantizedData.Of(backend, x, 5, width, (source, rows) => backend.RoundGroups(source, rows, 5, width, group, 4, 0.9f));

        static float[] Dequantized(float[] scaleAndCodes) => [.. scaleAndCodes.Skip(1).Select(code => code * scaleAndCodes[0])];
    }

    [Theory]
    [InlineData(3, 3, -4)]
    [InlineData(4, 7, -8)]
    [InlineData(8, 127, -128)]
    public void Quantize_per_token_clips_to_the_range_of_the_bits(int bits, int highest, int lowest)
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var y = Quantize(pair.Reference, [1f, -1f, 0f, 0.25f], 1, 4, bits, clip: 0.5f);
        Assert.Equal(0.5f / highest, y[0]);
        Assert.Equal([highest, lowest, 0f], y[1..4]);
    }

    [Fact]
    public void Quantize_per_token_rounds_half_to_even_and_gives_a_zero_row_scale_1()
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        Assert.Equal([1f, 7f, 2f, 2f, -2f], Quantize(pair.Reference, [7f, 2.5f, 1.5f, -1.5f], 1, 4, 4, 1f)[..5]);
        Assert.Equal([1f, 0f, 0f], Quantize(pair.Reference, [0f, 0f], 1, 2, 4, 0.9f)[..3]);
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Silu_and_mul(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var count in (int[])[1, 16, 4095, 4097, 70_000])
        {
            var gate = Data.Normal(count, 5).Select(x => 20 * x).ToArray();
            pair.RequireSameBits(backend => BackendPair.Apply(backend, gate, count, (x, y) =>
            {
                using var up = backend.Upload(Data.Normal(count, 6));
                backend.SiluAndMul(x, up, y, count);
            }), $"{count} elements");
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Apply_rope(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var headDim in (int[])[8, 64, 80, 128])
        {
            pair.RequireSameBits(backend => InPlace(backend, Data.Normal(3 * 2 * headDim, 7), x =>
            {
                using var table = new RopeTable(backend, 300, headDim, 10_000f);
                backend.ApplyRope(x, table, [0, 63, 299], heads: 2);
            }), $"head_dim {headDim}");
        }
    }

    [Fact]
    public void Apply_rope_turns_each_pair_by_position_times_frequency()
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var x = InPlace(pair.Reference, [1f, 1f, 0f, 0f], buffer =>
        {
            using var table = new RopeTable(pair.Reference, 4, 4, 100f);
            pair.Reference.ApplyRope(buffer, table, [3], heads: 1);
        });
        double[] expected = [Math.Cos(3), Math.Cos(0.3), Math.Sin(3), Math.Sin(0.3)];
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(expected[i], x[i], 1e-6));
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Hadamard_transform(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var (blocks, size, inner) in ((int, int, int)[])
            [(8, 64, 1), (1, 8, 64), (1, 1280, 1), (2, 20, 64), (1, 20, 8), (3, 12, 1), (1, 8, 80), (1, 28, 16), (1, 2, 8), (1, 40, 4), (1, 1376, 1), (1, 4096, 1)])
        {
            var shape = new HadamardShape(blocks, size, inner);
            var input = Data.Normal(5 * shape.Width, 8);
            pair.RequireSameBits(backend => InPlace(backend, input, x => backend.HadamardTransform(x, 5, shape)),
                $"{blocks} x {size} x {inner}");
        }
    }

    [Theory]
    [InlineData(64)]
    [InlineData(1280)]
    public void Hadamard_transform_is_the_one_that_checkpoints_are_rotated_with(int size)
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var expected = Data.Normal(size, 9);
        var actual = InPlace(pair.Reference, expected, x => pair.Reference.HadamardTransform(x, 1, new HadamardShape(1, size, 1)));
        new Checkpoints.Hadamard.HadamardTransform(size).Apply(expected);
        Assert.All(Enumerable.Range(0, size), i => Assert.Equal(expected[i], actual[i], 1e-5));
    }

    private static float[] InPlace(Backend backend, float[] input, Action<FloatBuffer> op)
    {
        using var x = backend.Upload(input);
        op(x);
        var result = new float[input.Length];
        x.CopyTo(result);
        return result;
    }

    /// <summary>Scales, then codes (or floats) with their padding.</summary>
    private static float[] Quantize(Backend backend, float[] input, int rows, int width, int bits, float clip) =>
        QuantizedData.Of(backend, input, rows, width, (x, y) => backend.QuantizePerToken(x, y, rows, width, bits, clip));
}
