namespace QuaRot.Checkpoints.Synthesis;

/// <summary>65,536 equally likely values of the standard normal distribution, so that drawing one takes 16 random bits and a look-up.</summary>
/// <remarks>
/// Value i is the quantile of (i + 1/2)/65536: from -4.17 to 4.17, symmetric, of mean 0 and variance 1 to four digits. Quantiles by
/// Wichura's algorithm AS 241 in its short form PPND7 (Applied Statistics 37, 1988), good to seven digits, which 16-bit floats do not see.
/// </remarks>
internal static class NormalQuantiles
{
    /// <summary>Number of values.</summary>
    public const int Count = 1 << 16;

    private static readonly Lazy<double[]> Table = new(() => [.. Enumerable.Range(0, Count).Select(i => Quantile((i + 0.5) / Count))]);

    /// <summary>The values, ascending.</summary>
    public static ReadOnlySpan<double> Values => Table.Value;

    private static double Quantile(double p)
    {
        double q = p - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            double r = 0.180625 - (q * q);
            return q * ((((((59.109374720 * r) + 159.29113202) * r) + 50.434271938) * r) + 3.3871327179)
                / ((((((67.187563600 * r) + 78.757757664) * r) + 17.895169469) * r) + 1);
        }

        double tail = Math.Sqrt(-Math.Log(q < 0 ? p : 1 - p)) - 1.6;
        double x = ((((((0.17023821103 * tail) + 1.3067284816) * tail) + 2.7568153900) * tail) + 1.4234372777)
            / ((((0.12021132975 * tail) + 0.73700164250) * tail) + 1);
        return q < 0 ? -x : x;
    }
}
