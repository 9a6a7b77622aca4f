using QuaRot.Checkpoints;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Rotation alone changes nothing: the rotated model with the online Hadamard transforms gives the original's logits.</summary>
public class RotationInvarianceTests
{
    [Fact]
    public void Rotated_in_float_gives_the_original_logits()
    {
        using var plain = Lexi.Plain();
        // Keys and values in FP32, so that the only difference left is the rotation.
        using var rotated = new ReconfiguredCheckpoint(Lexi.Rotated(), q => q with { KeyBits = 32, ValueBits = 32 });
        var (expected, actual) = (Logits(plain), Logits(rotated));
        for (var row = 0; row < expected.Length; row++)
        {
            // FP32 rounding of a rotation and its inverse in each of 6 layers, on logits of size 10.
            Assert.All(expected[row].Zip(actual[row]), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        }
    }

    private static float[][] Logits(ICheckpoint checkpoint)
    {
        using var backend = CpuBackend.Create();
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pageCount: 2);
        return Sequences.Forward([stage], Sequences.Single(Lexi.Text.AsSpan(0, 70), 0, [0, 1]));
    }
}
