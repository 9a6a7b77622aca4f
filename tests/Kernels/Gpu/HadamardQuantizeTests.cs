using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Tests.Ops;
using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

[Trait("device", "gpu")]
public class HadamardQuantizeTests
{
    // Every kernel of hadamard_quantize.cu, at the shapes where its tiles, chunks and lanes are full, are not, and are one.
    public static TheoryData<int, int> Shapes => new()
    {
        { 12, 1 }, { 12 * 8, 1 }, { 28 * 32, 1 }, { 12 * 64, 1 }, { 44 * 64, 1 }, { 36 * 128, 1 }, { 28 * 512, 1 }, { 172 * 64, 1 }, { 172 * 4, 1 },
        { 108 * 128, 1 }, { 28 * 1024, 1 }, { 12 * 2048, 1 }, { 20 * 2, 128 }, { 28, 128 }, { 12 * 4, 8 }, { 32, 128 }, { 64, 128 }, { 1024, 1 }, { 8192, 1 },
        { 16, 256 }, { 8, 1 }, { 256, 1 }, { 32, 80 }, { 20 * 2, 80 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Codes_and_scales_are_those_of_the_reference(int size, int inner)
    {
        // The last rows of many: kernels of a decode step and of a prefill.
        const int Rows = 4, Many = 18;
        using var pair = new BackendPair(Candidate.Gpu);
        var shape = new HadamardShape(1, size, inner);
        var x = Data.Normal(Rows * shape.Width, 31);
        // A row of zeros, one of huge values, and one whose scale is too small.
        x.AsSpan(shape.Width, shape.Width).Clear();
        Multiply(x.AsSpan(2 * shape.Width, shape.Width), 1e37f);
        Multiply(x.AsSpan(3 * shape.Width, shape.Width), 3e-31f);
        foreach (var (bits, clip) in ((int, float)[])[(4, 0.85f), (8, 1f), (3, 1f)])
        {
            pair.RequireSameBits(backend => Run(backend, x, Rows, shape, bits, clip), $"size {size}, inner {inner}, {bits} bits");
        }

        float[] more = [.. Data.Normal((Many - Rows) * shape.Width, 32), .. x];
        pair.RequireSameBits(backend => Run(backend, more, Many, shape, 4, 0.85f), $"size {size}, inner {inner}, {Many} rows");
    }

    [Fact]
    public void Shapes_that_are_no_whole_row_are_refused()
    {
        var gpu = SharedGpu.Require();
        using var x = gpu.Upload(new float[256]);
        using var y = gpu.AllocateRows(1, 256);
        var error = Assert.Throws<ArgumentException>(() => gpu.HadamardQuantize(x, y, 1, new HadamardShape(2, 128, 1), 4, 1f));
        Assert.Equal("hadamard_quantize of 2 block(s) of size 128: it takes one of at most 65536", error.Message);
    }

    private static void Multiply(Span<float> values, float factor)
    {
        foreach (ref var value in values)
        {
            value *= factor;
        }
    }

    private static float[] Run(Backend backend, float[] x, int rows, HadamardShape shape, int bits, float clip) =>
        QuantizedData.Of(backend, x, rows, shape.Width, (source, codes) => backend.HadamardQuantize(source, codes, rows, shape, bits, clip));
}
