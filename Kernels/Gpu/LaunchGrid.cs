namespace QuaRot.Kernels.Gpu;

/// <summary>Blocks and threads of a launch.</summary>
/// <param name="X">Blocks.</param>
/// <param name="Y">Blocks.</param>
/// <param name="Z">Blocks.</param>
/// <param name="ThreadsX">Threads of a block.</param>
/// <param name="ThreadsY">Threads of a block.</param>
/// <param name="Overlaps">
/// The kernel itself waits for the one before it (grid_wait), so Hopper may start it earlier. Never for a kernel that does not.
/// </param>
internal readonly record struct LaunchGrid(long X, long Y, long Z, int ThreadsX, int ThreadsY = 1, bool Overlaps = false)
{
    /// <summary>The same, for a kernel that waits by itself.</summary>
    public LaunchGrid Overlapping => this with { Overlaps = true };

    /// <summary>Blocks in one dimension.</summary>
    public static LaunchGrid Blocks(long x, int threads) => new(x, 1, 1, threads);

    /// <summary>Blocks in two dimensions.</summary>
    public static LaunchGrid Blocks(long x, long y, int threads) => new(x, y, 1, threads);

    /// <summary>Parts of <paramref name="unit"/> that hold <paramref name="count"/>.</summary>
    public static long Parts(long count, int unit) => (count + unit - 1) / unit;
}
