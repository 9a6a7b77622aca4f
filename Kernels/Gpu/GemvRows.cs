namespace QuaRot.Kernels.Gpu;

/// <summary>Rows that a GEMV turns into codes by itself: what gemv_rows.cuh calls a source.</summary>
internal sealed class GemvRows
{
    /// <summary>Of a GEMV's block.</summary>
    public const int Threads = 256;

    /// <summary>Widest row that rms_norm keeps in a block's registers.</summary>
    private const int WidestNorm = 32 * Threads;

    private GemvRows(LaunchArgument rows, LaunchArgument magnitudes, Kind kind, DeviceMemory? gain, float parameter, int heads, int bits, float clip)
    {
        (Rows, Magnitudes) = (rows, magnitudes);
        Source = new LaunchArgument(0, 0, Pack(kind, gain, parameter, heads, (1 << (bits - 1)) - 1, clip));
    }

    private enum Kind
    {
        Ready,
        Norm,
        Heads,
        Lines,
    }

    /// <summary>The source of a GEMV whose codes lie ready.</summary>
    public static LaunchArgument Ready { get; } = new(0, 0, Pack(Kind.Ready, null, 0, 0, 0, 0));

    /// <summary>[rows, width]</summary>
    public LaunchArgument Rows { get; }

    /// <summary>Of each row, for some kinds.</summary>
    public LaunchArgument Magnitudes { get; }

    /// <summary>struct Source of w4a4_gemv_sm90.cu.</summary>
    public LaunchArgument Source { get; }

    /// <summary>Whether <see cref="OfNorm"/> takes such rows: more of them are faster with a kernel of their own.</summary>
    public static bool TakesNorm(GpuDevice device, int rows, int width) =>
        rows <= 2 && width % 64 == 0 && width <= WidestNorm && device.Info.Architecture == GpuInfo.Hopper;

    /// <summary>rms_norm, then codes.</summary>
    public static GemvRows OfNorm(DeviceMemory x, DeviceMemory? gain, float eps, int bits, float clip) => new(x, 0, Kind.Norm, gain, eps, 0, bits, clip);

    /// <summary>The transform across heads, then codes.</summary>
    public static GemvRows OfHeads(LaunchArgument x, int heads, float root, int bits, float clip) => new(x, 0, Kind.Heads, null, root, heads, bits, clip);

    /// <summary>Codes of what hadamard_tiles left.</summary>
    public static GemvRows OfLines(DeviceMemory lines, DeviceMemory magnitudes, float root, int bits, float clip) =>
        new(lines, magnitudes, Kind.Lines, null, root, 0, bits, clip);

    private static byte[] Pack(Kind kind, DeviceMemory? gain, float parameter, int heads, int highest, float clip)
    {
        var bytes = new byte[32];
        BitConverter.TryWriteBytes(bytes.AsSpan(0), gain?.Address ?? 0);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), (int)kind);
        BitConverter.TryWriteBytes(bytes.AsSpan(12), heads);
        BitConverter.TryWriteBytes(bytes.AsSpan(16), highest);
        BitConverter.TryWriteBytes(bytes.AsSpan(20), parameter);
        BitConverter.TryWriteBytes(bytes.AsSpan(24), clip);
        return bytes;
    }
}
