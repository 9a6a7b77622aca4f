using System.Collections.Concurrent;

namespace QuaRot.Checkpoints.Hadamard;

/// <summary>Hadamard matrices of small order, by construction: entries ±1 and H·Hᵀ = m·I.</summary>
/// <remarks>
/// Paley, "On orthogonal matrices", J. Math. Phys. 12 (1933): type I for m - 1 ≡ 3 (mod 4) a prime power, type II for m/2 - 1 ≡ 1 (mod 4)
/// a prime power. Sylvester doubling for 2 and 40, Williamson's array for 156 and 172. Type I matrices are not symmetric.
/// </remarks>
public static class HadamardMatrix
{
    private static readonly ConcurrentDictionary<int, sbyte[]> Cache = new();

    /// <summary>The orders that <see cref="Create"/> knows, ascending.</summary>
    public static IReadOnlyList<int> Orders { get; } = [1, 2, 12, 20, 28, 36, 40, 44, 52, 60, 76, 108, 140, 148, 156, 172];

    /// <summary>A new copy of the matrix of order <paramref name="m"/>: [m·m], row-major, entries ±1.</summary>
    /// <exception cref="ArgumentException">The order is none of <see cref="Orders"/>.</exception>
    public static sbyte[] Create(int m) => [.. Shared(m)];

    /// <summary>The matrix of order <paramref name="m"/> from the process-wide cache; not to be written to.</summary>
    internal static ReadOnlySpan<sbyte> Shared(int m) => Cache.GetOrAdd(m, Build);

    private static sbyte[] Build(int m) => m switch
    {
        1 => [1],
        2 => [1, 1, 1, -1],
        40 => Double(20),
        156 or 172 => WilliamsonArray.Build(m),
        _ when Orders.Contains(m) => BuildPaley(m),
        _ => throw new ArgumentException($"no Hadamard matrix of order {m}: known are {string.Join(", ", Orders)}", nameof(m)),
    };

    private static sbyte[] BuildPaley(int m)
    {
        if (m % 4 == 0 && FiniteField.TryCreate(m - 1) is { } first)
        {
            return PaleyOne(first);
        }

        return FiniteField.TryCreate((m / 2) - 1) is { } second && second.Order % 4 == 1
            ? PaleyTwo(second)
            : throw new InvalidOperationException($"order {m} is neither of Paley's type I nor of type II");
    }

    /// <summary>I + S of order q + 1, S the skew conference matrix of GF(q), q ≡ 3 (mod 4).</summary>
    private static sbyte[] PaleyOne(FiniteField field)
    {
        int m = field.Order + 1;
        sbyte[] matrix = Conference(field, belowCorner: -1);
        for (int i = 0; i < m; i++)
        {
            matrix[(i * m) + i] = 1;
        }

        return matrix;
    }

    /// <summary>C ⊗ [1 1; 1 -1] + I ⊗ [1 -1; -1 -1] of order 2(q + 1), C the symmetric conference matrix of GF(q), q ≡ 1 (mod 4).</summary>
    private static sbyte[] PaleyTwo(FiniteField field)
    {
        int half = field.Order + 1;
        int m = 2 * half;
        sbyte[] conference = Conference(field, belowCorner: 1);
        var matrix = new sbyte[m * m];
        for (int i = 0; i < half; i++)
        {
            for (int j = 0; j < half; j++)
            {
                sbyte c = conference[(i * half) + j];
                int at = (2 * i * m) + (2 * j);
                (matrix[at], matrix[at + 1]) = i == j ? ((sbyte)1, (sbyte)-1) : (c, c);
                (matrix[at + m], matrix[at + m + 1]) = i == j ? ((sbyte)-1, (sbyte)-1) : (c, (sbyte)-c);
            }
        }

        return matrix;
    }

    /// <summary>The bordered Jacobsthal matrix: zero diagonal, a row of ones, a column of <paramref name="belowCorner"/>.</summary>
    private static sbyte[] Conference(FiniteField field, sbyte belowCorner)
    {
        int m = field.Order + 1;
        var matrix = new sbyte[m * m];
        for (int i = 1; i < m; i++)
        {
            matrix[i] = 1;
            matrix[i * m] = belowCorner;
            for (int j = 1; j < m; j++)
            {
                matrix[(i * m) + j] = field.CharacterOfDifference(i - 1, j - 1);
            }
        }

        return matrix;
    }

    /// <summary>H_half ⊗ H_2.</summary>
    private static sbyte[] Double(int half)
    {
        ReadOnlySpan<sbyte> source = Shared(half);
        int m = 2 * half;
        var matrix = new sbyte[m * m];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < m; j++)
            {
                sbyte value = source[(i / 2 * half) + (j / 2)];
                matrix[(i * m) + j] = (i & j & 1) == 1 ? (sbyte)-value : value;
            }
        }

        return matrix;
    }
}
