using QuaRot.Kernels.Sampling;
using Xunit;

namespace QuaRot.Kernels.Tests.Sampling;

public sealed class Philox4x32Tests
{
    /// <summary>The known-answer vectors of philox4x32-10 that Random123 publishes (tests/kat_vectors).</summary>
    [Fact]
    public void Matches_the_published_vectors()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Philox4x32.Block((0, 0), (0, 0, 0, 0)));

        const uint Ones = 0xffffffff;
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), Philox4x32.Block((Ones, Ones), (Ones, Ones, Ones, Ones)));

        Assert.Equal(
            (0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
            Philox4x32.Block((0xa4093822, 0x299f31d0), (0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344)));
    }

    [Fact]
    public void Uniform_takes_the_high_24_bits_of_the_block_at_position_and_draw()
    {
        // The all-zero vector: seed 0, position 0, draw 0.
        Assert.Equal(0x6627e8 / 16777216f, Philox4x32.Uniform(0, 0, 0));

        uint word = Philox4x32.Block((0x89abcdef, 0x01234567), (7, 0, 3, 0)).X0;
        Assert.Equal((word >> 8) / 16777216f, Philox4x32.Uniform(0x0123456789abcdef, 7, 3));
    }

    [Fact]
    public void Uniform_is_below_one_and_depends_on_every_argument()
    {
        var seen = new HashSet<float>();
        for (uint i = 0; i < 1000; i++)
        {
            Assert.InRange(Philox4x32.Uniform(i, 0, 0), 0f, 0.99999994f);
        }

        foreach (float value in (float[])[Philox4x32.Uniform(1, 2, 3), Philox4x32.Uniform(2, 2, 3), Philox4x32.Uniform(1, 3, 3),
            Philox4x32.Uniform(1, 2, 4), Philox4x32.Uniform(1UL << 32 | 1, 2, 3), Philox4x32.Uniform(1, (1L << 32) + 2, 3)])
        {
            Assert.True(seen.Add(value));
        }
    }
}
