using QuaRot.Kernels.Numerics;
using Xunit;

namespace QuaRot.Kernels.Tests.Numerics;

public class FloatMathTests
{
    [Fact]
    public void Exp_is_within_two_ulp_of_the_exact_value()
    {
        for (var x = -87.3f; x < 88.7f; x += 0.00137f)
        {
            var exact = Math.Exp(x);
            var ulp = MathF.BitIncrement((float)exact) - (double)(float)exact;
            Assert.True(Math.Abs(FloatMath.Exp(x) - exact) <= 2 * ulp, $"exp({x:R}) = {FloatMath.Exp(x):R}, exact {exact:R}");
        }
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-104.5f, 0f)]
    [InlineData(89f, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    public void Exp_is_exact_at_the_edges(float x, float expected) => Assert.Equal(expected, FloatMath.Exp(x));

    [Theory]
    [InlineData(-95f)]
    [InlineData(-103f)]
    [InlineData(88.5f)]
    public void Exp_reaches_subnormal_and_largest_numbers(float x) =>
        Assert.Equal(Math.Exp(x), FloatMath.Exp(x), Math.Exp(x) * 1e-6 + 1.5e-45);

    [Fact]
    public void Exp_of_NaN_is_NaN() => Assert.True(float.IsNaN(FloatMath.Exp(float.NaN)));

    [Theory]
    [InlineData(0f, 0f)]
    [InlineData(1f, 0.7310586f)]
    [InlineData(-1f, -0.2689414f)]
    [InlineData(-200f, 0f)]
    public void Silu_matches_its_definition(float x, float expected) => Assert.Equal(expected, FloatMath.Silu(x), 1e-6f);
}
