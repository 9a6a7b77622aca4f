using QuaRot.Checkpoints.Synthesis;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Synthesis;

public class NormalQuantilesTests
{
    [Fact]
    public void They_are_symmetric_with_mean_0_and_variance_1()
    {
        double[] values = NormalQuantiles.Values.ToArray();
        Assert.Equal(65536, values.Length);
        Assert.All(Enumerable.Range(1, 65535), i => Assert.True(values[i] > values[i - 1]));
        Assert.All(Enumerable.Range(0, 32768), i => Assert.Equal(-values[i], values[65535 - i], 1e-6));

        // What lies beyond the last quantile is missing from the variance.
        Assert.Equal(1, values.Average(v => v * v), 1e-4);
        Assert.Equal(3, values.Average(v => v * v * v * v), 1e-2);
    }

    /// <summary>Points of printed tables of the normal distribution, for the index nearest to their probability.</summary>
    [Theory]
    [InlineData(0.84134475, 1.0)]
    [InlineData(0.975, 1.959964)]
    [InlineData(0.02275013, -2.0)]
    [InlineData(0.99865010, 3.0)]
    public void They_lie_where_tables_say(double probability, double quantile)
    {
        // A step of the index is 1/65536 of probability, at density 0.0044 a step of 0.0035.
        Assert.Equal(quantile, NormalQuantiles.Values[(int)(probability * 65536)], 4e-3);
    }
}
