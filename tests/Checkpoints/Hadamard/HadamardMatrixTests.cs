using QuaRot.Checkpoints.Hadamard;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Hadamard;

public class HadamardMatrixTests
{
    public static TheoryData<int> Orders => [.. HadamardMatrix.Orders];

    [Theory]
    [MemberData(nameof(Orders))]
    public void RowsAndColumnsAreOrthogonal(int m)
    {
        sbyte[] h = HadamardMatrix.Create(m);
        Assert.Equal(m * m, h.Length);
        Assert.All(h, x => Assert.Equal(1, Math.Abs(x)));
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < m; j++)
            {
                int rows = 0;
                int columns = 0;
                for (int k = 0; k < m; k++)
                {
                    rows += h[(i * m) + k] * h[(j * m) + k];
                    columns += h[(k * m) + i] * h[(k * m) + j];
                }

                Assert.Equal(i == j ? m : 0, rows);
                Assert.Equal(i == j ? m : 0, columns);
            }
        }
    }

    [Fact]
    public void CallersGetTheirOwnCopy()
    {
        sbyte[] first = HadamardMatrix.Create(20);
        first[0] = 0;
        Assert.Equal(1, HadamardMatrix.Create(20)[0]);
    }

    [Fact]
    public void SomeMatricesAreNotSymmetric()
    {
        // Everything downstream must tell H from Hᵀ; were all matrices symmetric, no test could see a mix-up.
        sbyte[] h = HadamardMatrix.Create(20);
        Assert.NotEqual(h[1], h[20]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-4)]
    [InlineData(4)]
    [InlineData(92)]
    public void UnknownOrderIsNamed(int m)
    {
        var error = Assert.Throws<ArgumentException>(() => HadamardMatrix.Create(m));
        Assert.StartsWith($"no Hadamard matrix of order {m}: known are 1, 2, 12, 20,", error.Message);
    }
}
