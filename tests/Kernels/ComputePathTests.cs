using QuaRot.Checkpoints;
using Xunit;

namespace QuaRot.Kernels.Tests;

public class ComputePathTests
{
    [Theory]
    [InlineData(4, 4, 4, 4, "")]
    [InlineData(4, 8, 8, 4, "")]
    [InlineData(3, 16, 4, 4, "W3A16: computed by the slower float32 kernel; weights are widened as they are read")]
    [InlineData(16, 6, 4, 16, "W16A6: computed by the slower float32 kernel; activations are rounded to 6 bits and widened")]
    [InlineData(16, 16, 4, 4, "W16A16: computed by the slower float32 kernel")]
    [InlineData(3, 4, 4, 4, "W3A4: computed by the INT4 kernel; weights take 4 bits each")]
    [InlineData(6, 6, 3, 6, "W6A6: computed by the slower INT8 kernel; weights take 8 bits each|K3: the cache takes 4 bits an element|V6: the cache takes 8 bits an element")]
    public void Says_what_runs_on_a_slower_kernel(int w, int a, int k, int v, string lines) => Assert.Equal(
        lines, string.Join('|', ComputePath.Slower(new QuantizationConfig { WeightBits = w, ActivationBits = a, KeyBits = k, ValueBits = v })));

    [Fact]
    public void Says_that_activations_in_groups_become_floats() => Assert.Equal(
        ["W4A4, activations in groups of 64: computed by the slower float32 kernel; both sides are widened"],
        ComputePath.Slower(new QuantizationConfig { ActivationGroupSize = 64 }));

    [Fact]
    public void Says_nothing_of_an_unquantized_model() => Assert.Empty(ComputePath.Slower(null));
}
