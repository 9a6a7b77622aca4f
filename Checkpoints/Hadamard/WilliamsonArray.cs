namespace QuaRot.Checkpoints.Hadamard;

/// <summary>
/// Williamson's array: four symmetric circulants A, B, C, D of odd order n with A² + B² + C² + D² = 4n·I make a Hadamard matrix of 4n.
/// </summary>
/// <remarks>
/// Williamson, "Hadamard's determinant theorem and the sum of four squares", Duke Math. J. 11 (1944). There is no formula for the rows at
/// 39 and 43; they are published search results: order 39 in S. London, "Constructing New Turyn Type Sequences, T-Sequences and Hadamard
/// Matrices" (thesis, Univ. of Illinois at Chicago, 2013), order 43 in M. Hall, "Combinatorial Theory" (2nd ed., 1986) after Williamson.
/// A row is symmetric, row[i] = row[n - i], so that only its first half stands here.
/// </remarks>
internal static class WilliamsonArray
{
    private static readonly string[] HalfRowsOf39 =
    [
        "+++--+-+-----+--++--",
        "+++--++-+---+-+--+--",
        "++++---+--++----+-+-",
        "+---++-+-+-----+++-+",
    ];

    private static readonly string[] HalfRowsOf43 =
    [
        "++---++++-+--+--++----",
        "+++-+-++--+-+-++++-+--",
        "++-++++++----+-+--++-+",
        "+---++--++++-+-+++-++-",
    ];

    /// <summary>Which circulant stands in each block of the array, counted from 1, with its sign.</summary>
    private static readonly int[,] Blocks =
    {
        { 1, 2, 3, 4 },
        { -2, 1, -4, 3 },
        { -3, 4, 1, -2 },
        { -4, -3, 2, 1 },
    };

    /// <summary>The matrix of order <paramref name="m"/> = 156 or 172.</summary>
    public static sbyte[] Build(int m)
    {
        int n = m / 4;
        string[] halves = m == 156 ? HalfRowsOf39 : HalfRowsOf43;
        var matrix = new sbyte[m * m];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < m; j++)
            {
                int block = Blocks[i / n, j / n];
                int distance = Math.Abs((i % n) - (j % n));
                bool plus = halves[Math.Abs(block) - 1][Math.Min(distance, n - distance)] == '+';
                matrix[(i * m) + j] = plus == block > 0 ? (sbyte)1 : (sbyte)-1;
            }
        }

        return matrix;
    }
}
