using QuaRot.Checkpoints.Hadamard;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Hadamard;

public class HadamardSizeTests
{
    [Theory]
    [InlineData(1, 1, 0)]
    [InlineData(2, 1, 1)]
    [InlineData(8, 1, 3)]
    [InlineData(12, 12, 0)]
    [InlineData(40, 20, 1)]
    [InlineData(1280, 20, 6)]
    [InlineData(4096, 1, 12)]
    [InlineData(5120, 20, 8)]
    [InlineData(11008, 172, 6)]
    [InlineData(13824, 108, 7)]
    [InlineData(14336, 28, 9)]
    [InlineData(28672, 28, 10)]
    [InlineData(5632, 44, 7)]
    [InlineData(4864, 76, 6)]
    [InlineData(8960, 140, 6)]
    [InlineData(18944, 148, 7)]
    [InlineData(896, 28, 5)]
    [InlineData(1536, 12, 7)]
    [InlineData(3584, 28, 7)]
    public void FactorsIntoTheSmallestBase(int n, int m, int k)
    {
        Assert.Equal(new HadamardSize(m, k), HadamardSize.Factor(n));
        Assert.Equal(n, HadamardSize.Factor(n).N);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-8)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(100)]
    [InlineData(4097)]
    public void OtherSizesAreNamed(int n)
    {
        Assert.False(HadamardSize.TryFactor(n, out _));
        var error = Assert.Throws<ArgumentException>(() => HadamardSize.Factor(n));
        Assert.StartsWith($"no Hadamard matrix of size {n}: supported are m·2^k with m in {{1, 12, 20,", error.Message);
    }

    [Fact]
    public void EverySizeHasOneFactorisationOnly()
    {
        for (int n = 1; n < 20000; n++)
        {
            if (HadamardSize.TryFactor(n, out HadamardSize size))
            {
                Assert.Equal(n, size.M << size.K);
                Assert.DoesNotContain(HadamardSize.Bases, m => m < size.M && n % m == 0 && int.IsPow2(n / m));
            }
        }
    }
}
