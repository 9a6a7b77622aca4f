using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Reference;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

/// <summary>Runs one op on the reference backend and on a CPU variant, and demands the same bits.</summary>
internal sealed class BackendPair(SimdWidth width, int threads = 2) : IDisposable
{
    public ReferenceBackend Reference { get; } = new();

    public CpuBackend Cpu { get; } = CpuBackend.Create(width, threads);

    /// <summary>The variants that this machine can run: every supported width, and one thread beside several.</summary>
    public static TheoryData<SimdWidth> Widths =>
        [.. new[] { SimdWidth.Vector128, SimdWidth.Vector256, SimdWidth.Vector512 }.Where(CpuBackend.Supports)];

    /// <summary>Compares [length] floats that <paramref name="run"/> returns for each backend.</summary>
    public void RequireSameBits(Func<Backend, float[]> run, string what)
    {
        var expected = run(Reference);
        var actual = run(Cpu);
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]),
                $"{what}: element {i} is {actual[i]:R}, reference {expected[i]:R}");
        }
    }

    /// <summary>Uploads x, runs an op on it and a poisoned result, and returns the result.</summary>
    public static float[] Apply(Backend backend, float[] x, int resultLength, Action<FloatBuffer, FloatBuffer> op)
    {
        using var source = backend.Upload(x);
        using var target = backend.Upload(Data.Poison(resultLength));
        op(source, target);
        var result = new float[resultLength];
        target.CopyTo(result);
        return result;
    }

    public void Dispose() => Cpu.Dispose();
}
