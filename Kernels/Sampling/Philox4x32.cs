using System.Runtime.CompilerServices;

namespace QuaRot.Kernels.Sampling;

/// <summary>The counter-based random number generator Philox4x32 with 10 rounds: a pure function of key and counter.</summary>
/// <remarks>
/// Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), section 3.3. Having no state is what makes
/// generation resumable: the draws for a position are the same whoever makes them, and whatever was drawn before.
/// </remarks>
public static class Philox4x32
{
    private const uint MultiplierA = 0xD2511F53;
    private const uint MultiplierB = 0xCD9E8D57;

    // Key increments of each round: the fraction bits of the golden ratio and of sqrt(3) - 1.
    private const uint WeylA = 0x9E3779B9;
    private const uint WeylB = 0xBB67AE85;

    /// <summary>The 128 bits for a key and a counter, each given as 32-bit words from low to high.</summary>
    public static (uint X0, uint X1, uint X2, uint X3) Block((uint K0, uint K1) key, (uint C0, uint C1, uint C2, uint C3) counter)
    {
        (uint k0, uint k1) = key;
        (uint x0, uint x1, uint x2, uint x3) = counter;
        for (int round = 0; round < 10; round++)
        {
            ulong a = (ulong)MultiplierA * x0;
            ulong b = (ulong)MultiplierB * x2;
            (x0, x1, x2, x3) = ((uint)(b >> 32) ^ x1 ^ k0, (uint)b, (uint)(a >> 32) ^ x3 ^ k1, (uint)a);
            k0 += WeylA;
            k1 += WeylB;
        }

        return (x0, x1, x2, x3);
    }

    /// <summary>A uniform number in [0, 1) with 24 bits: a float holds it exactly.</summary>
    /// <param name="seed">The key.</param>
    /// <param name="position">Absolute position of the token that is drawn: low words of the counter.</param>
    /// <param name="draw">Index of the draw at this position, from 0: high words of the counter.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(ulong seed, long position, uint draw)
    {
        uint bits = Block(((uint)seed, (uint)(seed >> 32)), ((uint)position, (uint)(position >> 32), draw, 0)).X0;
        return (bits >> 8) * (1f / (1 << 24));
    }
}
