using System.Runtime.Intrinsics;
using QuaRot.Checkpoints.Quantization;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization;

public class PowerLossTests
{
    [Fact]
    public void PowerIsGoodToOneInAHundredThousand()
    {
        for (double a = 1e-30; a < 1e30; a *= 1.0173)
        {
            float argument = (float)a;
            double expected = Math.Pow(argument, 1.2);
            Assert.InRange(PowerLoss.Power(Vector256.Create(argument))[3], expected * (1 - 1e-5), expected * (1 + 1e-5));
        }
    }

    [Fact]
    public void PowerOfNothingIsNothing()
    {
        Assert.Equal(0f, PowerLoss.Power(Vector256<float>.Zero)[0]);
        Assert.InRange(PowerLoss.Power(Vector256.Create(1e-35f))[0], 0f, 1e-36f);
    }

    [Fact]
    public void GivingUpEarlyStillExceedsTheBest()
    {
        float[] row = TestWeights.Floats(TestWeights.Random("w", 1, 4096, seed: 3));
        float full = PowerLoss.Compute(row, 0.01f, -8, 7, float.PositiveInfinity);
        float stopped = PowerLoss.Compute(row, 0.01f, -8, 7, full / 10);
        Assert.InRange(stopped, MathF.BitIncrement(full / 10), MathF.BitDecrement(full));
        Assert.Equal(full, PowerLoss.Compute(row, 0.01f, -8, 7, full));
    }
}
