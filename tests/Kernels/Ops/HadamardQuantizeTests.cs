using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

public class HadamardQuantizeTests
{
    public static TheoryData<Candidate> Candidates => BackendPair.Candidates;

    [Theory]
    [MemberData(nameof(Candidates))]
    public void The_bits_of_the_reference(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var (size, inner) in ((int, int)[])
            [(64, 1), (8, 64), (32, 64), (1280, 1), (20, 8), (12, 1), (2, 8), (28, 16), (8, 80), (40, 4), (1376, 1), (5632, 1), (16, 1), (1, 16), (172, 16)])
        {
            foreach (var bits in (int[])[3, 4, 8])
            {
                var shape = new HadamardShape(1, size, inner);
                pair.RequireSameBits(backend => Run(backend, Rows(shape.Width), shape, bits, 0.9f), $"{size} x {inner}, {bits} bits");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Two_elements_by_hand(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        var shape = new HadamardShape(1, 2, 1);
        foreach (var backend in (Backend[])[pair.Reference, pair.Fast])
        {
            // t = 16384 and 8192, z = 24576 and 8192; the step is a seventh of the larger, and 8192 is 2.33 of them.
            var y = Run(backend, [1f, 0.5f], shape, 4, 1f);
            Assert.Equal(24576f / 7f * (shape.Scale / 16384f), y[0]);
            Assert.Equal([7f, 2f, 0f], y[1..4]);

            // Half of the range is cut off: 7 of 12288/7 each, and 4.67 of them; negative codes reach -8.
            y = Run(backend, [-1f, -0.5f], shape, 4, 0.5f);
            Assert.Equal(12288f / 7f * (shape.Scale / 16384f), y[0]);
            Assert.Equal([-8f, -5f, 0f], y[1..4]);

            // The largest number below 2 would be 32768: it is cut to 32767, as is its negative.
            y = Run(backend, [MathF.BitDecrement(2f), -MathF.BitDecrement(2f)], shape, 8, 1f);
            Assert.Equal(65534f / 127f * (shape.Scale / 16384f), y[0]);
            Assert.Equal([0f, 127f], y[1..3]);
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Rows_without_anything_to_quantize_are_zero_with_scale_1(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var backend in (Backend[])[pair.Reference, pair.Fast])
        {
            foreach (var value in (float[])[0f, -0f, 1e-31f, float.Epsilon])
            {
                float[] row = [value, .. new float[63]];
                Assert.Equal([1f, .. new float[64]], Run(backend, row, new HadamardShape(1, 64, 1), 4, 0.9f));
            }

            // The row passes, but a step of its spread-out peak does not.
            Assert.Equal([1f, .. new float[64]], Run(backend, [2e-30f, .. new float[63]], new HadamardShape(1, 64, 1), 4, 0.9f));
        }
    }

    [Theory]
    [InlineData(64, 1)]
    [InlineData(1280, 1)]
    [InlineData(12, 16)]
    public void Codes_are_those_of_the_float_transform_but_for_the_rounding(int size, int inner)
    {
        using var backend = CpuBackend.Create();
        var shape = new HadamardShape(1, size, inner);
        var input = Data.Normal(shape.Width, 3);
        var y = Run(backend, input, shape, 8, 1f);
        using var x = backend.Upload(input);
        backend.HadamardTransform(x, 1, shape);
        var expected = new float[shape.Width];
        x.CopyTo(expected);

        // Half a step of the code; the rounding of the input, in steps of 2^-14 of its largest element, adds a few hundredths of one.
        Assert.All(Enumerable.Range(0, shape.Width), i => Assert.Equal(expected[i], y[0] * y[1 + i], 0.55 * y[0]));
    }

    [Fact]
    public void Several_blocks_and_sizes_beyond_int32_are_refused()
    {
        using var backend = CpuBackend.Create();
        using var x = backend.AllocateFloats(1);
        using var y = backend.AllocateRows(1, 1);
        var blocks = Assert.Throws<ArgumentException>(() => backend.HadamardQuantize(x, y, 1, new HadamardShape(2, 64, 1), 4, 1f));
        Assert.Equal("hadamard_quantize of 2 block(s) of size 64: it takes one of at most 65536", blocks.Message);
        var size = Assert.Throws<ArgumentException>(() => backend.HadamardQuantize(x, y, 1, new HadamardShape(1, 131072, 1), 4, 1f));
        Assert.Equal("hadamard_quantize of 1 block(s) of size 131072: it takes one of at most 65536", size.Message);
    }

    /// <summary>17 rows of all magnitudes, among them a constant one, whose transform is a single peak.</summary>
    private static float[] Rows(int width)
    {
        var rows = Data.Normal(17 * width, 8);
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] *= MathF.Pow(10f, (i / width * 4) - 32);
        }

        Array.Fill(rows, 3.5f, 9 * width, width);
        return rows;
    }

    private static float[] Run(Backend backend, float[] input, HadamardShape shape, int bits, float clip)
    {
        var rows = input.Length / shape.Width;
        return QuantizedData.Of(backend, input, rows, shape.Width, (x, y) => backend.HadamardQuantize(x, y, rows, shape, bits, clip));
    }
}
