namespace QuaRot.Kernels.Gpu;

/// <summary>Blocks and threads of a launch.</summary>
internal readonly record struct LaunchGrid(long X, long Y, long Z, int ThreadsX, int ThreadsY = 1)
{
    /// <summary>Blocks in one dimension.</summary>
    public static LaunchGrid Blocks(long x, int threads) => new(x, 1, 1, threads);

    /// <summary>Blocks in two dimensions.</summary>
    public static LaunchGrid Blocks(long x, long y, int threads) => new(x, y, 1, threads);

    /// <summary>Parts of <paramref name="unit"/> that hold <paramref name="count"/>.</summary>
    public static long Parts(long count, int unit) => (count + unit - 1) / unit;
}
