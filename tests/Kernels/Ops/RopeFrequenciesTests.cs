using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

public class RopeFrequenciesTests
{
    private static readonly RopeScaling Llama31 = new()
    {
        Kind = RopeScalingKind.Llama3,
        Factor = 8,
        LowFreqFactor = 1,
        HighFreqFactor = 4,
        OriginalMaxPositions = 8192,
    };

    /// <summary>
    /// Llama 3.1 8B, worked out from the published formula in double precision. With w = 500000^(-i/64) and n = 8192·w/2π turns:
    /// i = 0 and 28 (n = 4.187) are kept; i = 29 has n = 3.41086, so s = (n - 1)/3 = 0.803621 and (1 - s)·w/8 + s·w with w = 0.00261615;
    /// i = 34 has n = 1.22358; i = 35 (n = 0.99675) and 63 are divided by 8.
    /// </summary>
    [Theory]
    [InlineData(0, 1.0)]
    [InlineData(1, 0.8146172338565447)]
    [InlineData(28, 0.003211445994752591)]
    [InlineData(29, 0.002166570763503359)]
    [InlineData(31, 0.0008567514129196321)]
    [InlineData(34, 0.0001785078127679964)]
    [InlineData(35, 9.556212353964683e-05)]
    [InlineData(63, 3.068925988914511e-07)]
    public void Llama3_scaling_has_the_published_values(int index, double expected)
    {
        var frequencies = RopeFrequencies.Compute(128, 500_000f, Llama31);

        // A handful of float32 roundings, the blend's difference n - 1 at 0.22 the worst: 10 units of 2^-24.
        Assert.Equal(64, frequencies.Length);
        Assert.InRange(frequencies[index] / expected, 1 - 6e-7, 1 + 6e-7);
    }

    [Fact]
    public void Linear_scaling_divides_all()
    {
        var plain = RopeFrequencies.Compute(64, 10_000f, null);
        var linear = RopeFrequencies.Compute(64, 10_000f, new RopeScaling { Kind = RopeScalingKind.Linear, Factor = 4 });
        Assert.Equal(plain.Select(frequency => frequency / 4), linear);
        Assert.Equal(1f, plain[0]);
        Assert.Equal(0.01f, plain[16], 1e-8f);
    }

    [Fact]
    public void The_table_turns_by_the_stretched_frequencies()
    {
        using var backend = new Kernels.Reference.ReferenceBackend();
        using var table = new RopeTable(backend, 10, 128, 500_000f, Llama31);
        var cos = new float[10 * 64];
        table.Cos.CopyTo(cos);
        Assert.Equal(Math.Cos(9 * 0.002166570763503359), cos[(9 * 64) + 29], 1e-7);
    }
}
