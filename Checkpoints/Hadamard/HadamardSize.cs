using System.Numerics;

namespace QuaRot.Checkpoints.Hadamard;

/// <summary>A size n = m·2^k for which a Hadamard matrix H_n = H_m ⊗ H_2^k can be built, with the smallest m that fits.</summary>
/// <param name="M">Order of the matrix that comes from <see cref="HadamardMatrix"/>.</param>
/// <param name="K">Number of Sylvester doublings.</param>
public readonly record struct HadamardSize(int M, int K)
{
    /// <summary>The values m may take, ascending.</summary>
    /// <remarks>40 = 20·2 is absent: the smallest m wins, so it could never be chosen.</remarks>
    public static IReadOnlyList<int> Bases { get; } = [1, 12, 20, 28, 36, 44, 52, 60, 76, 108, 140, 148, 156, 172];

    /// <summary>The size itself, m·2^k.</summary>
    public int N => M << K;

    /// <summary>Splits <paramref name="n"/> into m·2^k.</summary>
    /// <exception cref="ArgumentException">No supported Hadamard matrix has this size; the message names it.</exception>
    public static HadamardSize Factor(int n) => TryFactor(n, out HadamardSize size)
        ? size
        : throw new ArgumentException(
            $"no Hadamard matrix of size {n}: supported are m·2^k with m in {{{string.Join(", ", Bases)}}}", nameof(n));

    /// <summary>Like <see cref="Factor"/>, but says false where no matrix has this size.</summary>
    public static bool TryFactor(int n, out HadamardSize size)
    {
        foreach (int m in Bases)
        {
            if (n >= m && n % m == 0 && BitOperations.IsPow2(n / m))
            {
                size = new HadamardSize(m, BitOperations.Log2((uint)(n / m)));
                return true;
            }
        }

        size = default;
        return false;
    }
}
