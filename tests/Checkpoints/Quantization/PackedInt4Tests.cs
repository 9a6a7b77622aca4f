using FsCheck;
using FsCheck.Fluent;
using QuaRot.Checkpoints.Quantization;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Quantization;

public class PackedInt4Tests
{
    [Fact]
    public void UnpackUndoesPack()
    {
        var codes = Gen.Choose(-8, 7).Two().ListOf().Select(pairs =>
            pairs.SelectMany(p => new[] { (sbyte)p.Item1, (sbyte)p.Item2 }).ToArray());
        Prop.ForAll(codes.ToArbitrary(), original =>
        {
            var packed = new byte[original.Length / 2];
            var back = new sbyte[original.Length];
            PackedInt4.Pack(original, packed);
            PackedInt4.Unpack(packed, back);
            return original.SequenceEqual(back);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void EveryByteSurvives()
    {
        byte[] packed = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        var codes = new sbyte[512];
        var again = new byte[256];
        PackedInt4.Unpack(packed, codes);
        PackedInt4.Pack(codes, again);
        Assert.Equal(packed, again);
    }

    [Fact]
    public void LowNibbleIsTheEvenIndex()
    {
        var packed = new byte[2];
        PackedInt4.Pack([1, -2, -8, 7], packed);
        Assert.Equal([0xE1, 0x78], packed);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(-9)]
    [InlineData(127)]
    [InlineData(-128)]
    public void CodeOutsideTheRangeIsAnError(int code)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => PackedInt4.Pack([0, (sbyte)code], new byte[1]));
        Assert.StartsWith($"codes 0 and {code} at 0: INT4 holds -8 to 7", error.Message);
    }

    [Fact]
    public void LengthsMustMatch()
    {
        Assert.Equal("3 INT4 codes do not fill 1 bytes exactly",
            Assert.Throws<ArgumentException>(() => PackedInt4.Pack(new sbyte[3], new byte[1])).Message);
        Assert.Throws<ArgumentException>(() => PackedInt4.Unpack(new byte[2], new sbyte[2]));
    }
}
