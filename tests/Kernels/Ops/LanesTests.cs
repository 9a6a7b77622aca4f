using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Numerics;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

/// <summary>What the ops' tests would find only by luck: every FP16 number, and exp over its whole range.</summary>
public unsafe class LanesTests
{
    [Fact]
    public void Every_half_is_widened_exactly()
    {
        RequireHalves<Lanes128>();
        RequireHalves<Lanes256>();
        RequireHalves<Lanes512>();
    }

    [Fact]
    public void Exp_is_the_scalar_exp()
    {
        RequireExp<Lanes128>();
        RequireExp<Lanes256>();
        RequireExp<Lanes512>();
    }

    private static void RequireHalves<T>()
        where T : unmanaged, ILanes<T>
    {
        var halves = stackalloc ushort[16];
        var floats = stackalloc float[16];
        for (var start = 0; start < 65536; start += 16)
        {
            for (var i = 0; i < 16; i++)
            {
                halves[i] = (ushort)(start + i);
            }

            T.Store(floats, T.LoadHalves(halves));
            for (var i = 0; i < 16; i++)
            {
                var expected = (float)BitConverter.UInt16BitsToHalf((ushort)(start + i));
                var sameSign = float.IsNegative(expected) == float.IsNegative(floats[i]);
                Assert.True(expected.Equals(floats[i]) && sameSign, $"half {start + i:X4}");
            }
        }
    }

    [Fact]
    public void Every_finite_half_is_widened_exactly_by_the_short_way()
    {
        RequireFiniteHalves<Lanes128>();
        RequireFiniteHalves<Lanes256>();
        RequireFiniteHalves<Lanes512>();
    }

    private static void RequireFiniteHalves<T>()
        where T : unmanaged, ILanes<T>
    {
        var halves = stackalloc ushort[16];
        var floats = stackalloc float[16];
        for (var start = 0; start < 65536; start += 16)
        {
            for (var i = 0; i < 16; i++)
            {
                halves[i] = (ushort)(start + i);
            }

            T.Store(floats, T.LoadFiniteHalves(halves));
            for (var i = 0; i < 16 && Half.IsFinite(BitConverter.UInt16BitsToHalf(halves[i])); i++)
            {
                var expected = (float)BitConverter.UInt16BitsToHalf(halves[i]);
                Assert.True(BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(floats[i]), $"half {start + i:X4}");
            }
        }
    }

    private static void RequireExp<T>()
        where T : unmanaged, ILanes<T>
    {
        var x = stackalloc float[16];
        var y = stackalloc float[16];
        for (var value = -110f; value < 95f; value += 0.05f)
        {
            for (var i = 0; i < 16; i++)
            {
                x[i] = i == 15 ? float.NegativeInfinity : value + (i * 0.003f);
            }

            T.Store(y, LaneMath<T>.Exp(T.Load(x)));
            for (var i = 0; i < 16; i++)
            {
                var expected = BitConverter.SingleToInt32Bits(FloatMath.Exp(x[i]));
                Assert.True(expected == BitConverter.SingleToInt32Bits(y[i]), $"exp({x[i]:R}) = {y[i]:R}");
            }
        }
    }
}
