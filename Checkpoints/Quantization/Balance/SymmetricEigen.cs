namespace QuaRot.Checkpoints.Quantization.Balance;

/// <summary>Eigenvalues and vectors of a small symmetric matrix by Jacobi's cyclic rotations.</summary>
internal static class SymmetricEigen
{
    private const int MostSweeps = 60;

    /// <summary>Decomposes M = V·diag(values)·Vᵀ.</summary>
    /// <param name="matrix">[n, n]; kept.</param>
    /// <param name="n">Order.</param>
    /// <returns>[n] eigenvalues, and [n, n] V with an eigenvector in each column.</returns>
    public static (double[] Values, double[] Vectors) Decompose(double[] matrix, int n)
    {
        var a = (double[])matrix.Clone();
        var v = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            v[(i * n) + i] = 1;
        }

        for (int sweep = 0; sweep < MostSweeps && OffDiagonal(a, n) > 1e-24 * Norm(a); sweep++)
        {
            for (int p = 0; p < n - 1; p++)
            {
                for (int q = p + 1; q < n; q++)
                {
                    Rotate(a, v, n, p, q);
                }
            }
        }

        return ([.. Enumerable.Range(0, n).Select(i => a[(i * n) + i])], v);
    }

    private static double Norm(double[] a) => a.Sum(x => x * x);

    private static double OffDiagonal(double[] a, int n)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += i / n == i % n ? 0 : a[i] * a[i];
        }

        return sum;
    }

    private static void Rotate(double[] a, double[] v, int n, int p, int q)
    {
        double apq = a[(p * n) + q];
        if (apq == 0)
        {
            return;
        }

        double theta = (a[(q * n) + q] - a[(p * n) + p]) / (2 * apq);
        double t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        double c = 1 / Math.Sqrt((t * t) + 1), s = t * c;
        for (int k = 0; k < n; k++)
        {
            (a[(k * n) + p], a[(k * n) + q]) =
                ((c * a[(k * n) + p]) - (s * a[(k * n) + q]), (s * a[(k * n) + p]) + (c * a[(k * n) + q]));
        }

        for (int k = 0; k < n; k++)
        {
            (a[(p * n) + k], a[(q * n) + k]) =
                ((c * a[(p * n) + k]) - (s * a[(q * n) + k]), (s * a[(p * n) + k]) + (c * a[(q * n) + k]));
            (v[(k * n) + p], v[(k * n) + q]) =
                ((c * v[(k * n) + p]) - (s * v[(k * n) + q]), (s * v[(k * n) + p]) + (c * v[(k * n) + q]));
        }
    }
}
