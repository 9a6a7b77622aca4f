using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Reference;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

/// <summary>Runs one op on the reference backend and on a fast one, and demands the same bits.</summary>
internal sealed class BackendPair(Candidate candidate, int threads = 2) : IDisposable
{
    public ReferenceBackend Reference { get; } = new();

    public Backend Fast { get; } = candidate == Candidate.Gpu ? SharedGpu.Require() : CpuBackend.Create(WidthOf(candidate), threads);

    /// <summary>Every vector width that this machine supports, and the GPU.</summary>
    public static TheoryData<Candidate> Candidates =>
        Rows(Enum.GetValues<Candidate>().Where(c => c == Candidate.Gpu || CpuBackend.Supports(WidthOf(c))));

    /// <summary>One row each, of which that of the GPU can be picked: the emulated GPU runs those alone (tests/Emulation).</summary>
    public static TheoryData<Candidate> Rows(IEnumerable<Candidate> candidates) =>
        new(candidates.Select(c => c == Candidate.Gpu ? new TheoryDataRow<Candidate>(c).WithTrait("device", "gpu") : new TheoryDataRow<Candidate>(c)));

    /// <summary>The vector width of a CPU candidate.</summary>
    public static SimdWidth WidthOf(Candidate candidate) => candidate switch
    {
        Candidate.Cpu128 => SimdWidth.Vector128,
        Candidate.Cpu256 => SimdWidth.Vector256,
        _ => SimdWidth.Vector512,
    };

    /// <summary>Compares [length] floats that <paramref name="run"/> returns for each backend.</summary>
    public void RequireSameBits(Func<Backend, float[]> run, string what) => RequireSameBits(run(Reference), run(Fast), what);

    /// <summary>Compares [length] floats with those of the reference.</summary>
    public static void RequireSameBits(float[] expected, float[] actual, string what)
    {
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

    public void Dispose()
    {
        // The GPU is shared by all tests.
        if (Fast is CpuBackend cpu)
        {
            cpu.Dispose();
        }
    }
}
