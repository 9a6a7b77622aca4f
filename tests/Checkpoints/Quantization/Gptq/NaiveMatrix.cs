namespace QuaRot.Checkpoints.Tests.Quantization.Gptq;

/// <summary>Plain loops over doubles, for the algebra's tests.</summary>
internal static class NaiveMatrix
{
    /// <summary>Correlated rows: neighbouring columns share most of their values, as a layer's inputs do.</summary>
    public static float[] CorrelatedRows(int rows, int width, int seed)
    {
        var random = new Random(seed);
        var x = new float[rows * width];
        for (int r = 0; r < rows; r++)
        {
            double shared = 0;
            for (int k = 0; k < width; k++)
            {
                shared = (0.8 * shared) + (random.NextDouble() - 0.5);
                x[(r * width) + k] = (float)(shared + (0.3 * (random.NextDouble() - 0.5)));
            }
        }

        return x;
    }

    public static double[] Moments(float[] a, int aWidth, float[] b, int bWidth)
    {
        var sums = new double[aWidth * bWidth];
        for (int n = 0; n < a.Length / aWidth; n++)
        {
            for (int i = 0; i < aWidth; i++)
            {
                for (int j = 0; j < bWidth; j++)
                {
                    sums[(i * bWidth) + j] += (double)a[(n * aWidth) + i] * b[(n * bWidth) + j];
                }
            }
        }

        return sums;
    }

    /// <summary>Gauss-Jordan.</summary>
    public static double[] Inverse(double[] matrix, int n)
    {
        var a = (double[])matrix.Clone();
        var inverse = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            inverse[(i * n) + i] = 1;
        }

        for (int i = 0; i < n; i++)
        {
            double pivot = a[(i * n) + i];
            for (int k = 0; k < n; k++)
            {
                a[(i * n) + k] /= pivot;
                inverse[(i * n) + k] /= pivot;
            }

            for (int r = 0; r < n; r++)
            {
                double factor = r == i ? 0 : a[(r * n) + i];
                for (int k = 0; k < n; k++)
                {
                    a[(r * n) + k] -= factor * a[(i * n) + k];
                    inverse[(r * n) + k] -= factor * inverse[(i * n) + k];
                }
            }
        }

        return inverse;
    }

    /// <summary>Σ over rows of e·H·eᵀ, e = w - q.</summary>
    public static double Error(float[] w, float[] q, double[] h, int n)
    {
        double sum = 0;
        for (int r = 0; r < w.Length / n; r++)
        {
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    sum += ((double)w[(r * n) + i] - q[(r * n) + i]) * h[(i * n) + j] * ((double)w[(r * n) + j] - q[(r * n) + j]);
                }
            }
        }

        return sum;
    }
}
