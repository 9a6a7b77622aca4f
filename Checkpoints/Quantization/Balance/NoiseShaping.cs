namespace QuaRot.Checkpoints.Quantization.Balance;

/// <summary>The invertible A for which rounding x·A instead of x disturbs y = x·Wᵀ least.</summary>
/// <remarks>
/// After a Hadamard transform rounding noise is white, its power in proportion to that of what is rounded: tr(Aᵀ·Σ·A), Σ the second
/// moments of x. The output sees it through A⁻¹·Wᵀ, so that the error is tr(Aᵀ·Σ·A)·tr(A⁻¹·G·A⁻ᵀ), G = Wᵀ·W. With Σ = L·Lᵀ and
/// Lᵀ·G·L = V·S²·Vᵀ it is least, (tr S)², for A = L⁻ᵀ·V·S^½. For a diagonal A: a_i = (G_ii / Σ_ii)^¼.
/// </remarks>
internal static class NoiseShaping
{
    /// <summary>What a direction that is never used, or never read, counts as: this share of the mean.</summary>
    private const double Floor = 1e-4;

    /// <summary>The best diagonal A, scaled so that the geometric mean is 1.</summary>
    /// <param name="power">[n] Σ_ii.</param>
    /// <param name="gain">[n] G_ii.</param>
    public static double[] Diagonal(double[] power, double[] gain)
    {
        double powerFloor = Math.Max(Floor * power.Average(), double.Epsilon), gainFloor = Math.Max(Floor * gain.Average(), double.Epsilon);
        double[] scale = [.. power.Zip(gain, (p, g) => Math.Pow(Math.Max(g, gainFloor) / Math.Max(p, powerFloor), 0.25))];
        double mean = Math.Exp(scale.Average(Math.Log));
        return Array.ConvertAll(scale, s => s / mean);
    }

    /// <summary>The best A and its inverse, [n, n] each.</summary>
    /// <param name="moments">[n, n] Σ.</param>
    /// <param name="gains">[n, n] G.</param>
    /// <param name="n">Order.</param>
    public static (double[] A, double[] Inverse) Full(double[] moments, double[] gains, int n)
    {
        double[] l = Cholesky(WithFloor(moments, n), n);
        double[] g = WithFloor(gains, n);
        double[] m = Multiply(Transpose(l, n), Multiply(g, l, n), n);
        (double[] values, double[] v) = SymmetricEigen.Decompose(m, n);
        var a = new double[n * n];
        double[] inverse = Multiply(Transpose(v, n), Transpose(l, n), n);
        for (int c = 0; c < n; c++)
        {
            // S^½ where S² are the eigenvalues.
            double root = Math.Pow(Math.Max(values[c], double.Epsilon), 0.25);
            var column = new double[n];
            for (int i = 0; i < n; i++)
            {
                column[i] = v[(i * n) + c];
                inverse[(c * n) + i] /= root;
            }

            SolveTransposed(l, column, n);
            for (int i = 0; i < n; i++)
            {
                a[(i * n) + c] = column[i] * root;
            }
        }

        return (a, inverse);
    }

    /// <summary>A·B.</summary>
    public static double[] Multiply(double[] a, double[] b, int n)
    {
        var product = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < n; k++)
            {
                for (int j = 0; j < n; j++)
                {
                    product[(i * n) + j] += a[(i * n) + k] * b[(k * n) + j];
                }
            }
        }

        return product;
    }

    private static double[] Transpose(double[] a, int n) => [.. Enumerable.Range(0, n * n).Select(i => a[(i % n * n) + (i / n)])];

    private static double[] WithFloor(double[] matrix, int n)
    {
        var result = (double[])matrix.Clone();
        double added = Math.Max(Floor * Enumerable.Range(0, n).Average(i => matrix[(i * n) + i]), 1e-30);
        for (int i = 0; i < n; i++)
        {
            result[(i * n) + i] += added;
        }

        return result;
    }

    /// <summary>Lower triangular L of M = L·Lᵀ.</summary>
    private static double[] Cholesky(double[] m, int n)
    {
        var l = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = m[(i * n) + j];
                for (int k = 0; k < j; k++)
                {
                    sum -= l[(i * n) + k] * l[(j * n) + k];
                }

                l[(i * n) + j] = i == j ? Math.Sqrt(sum) : sum / l[(j * n) + j];
            }
        }

        return l;
    }

    /// <summary>x of Lᵀ·x = b, in place.</summary>
    private static void SolveTransposed(double[] l, double[] x, int n)
    {
        for (int i = n - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < n; k++)
            {
                x[i] -= l[(k * n) + i] * x[k];
            }

            x[i] /= l[(i * n) + i];
        }
    }
}
