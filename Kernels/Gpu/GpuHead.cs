namespace QuaRot.Kernels.Gpu;

/// <summary>Launches lm_head (head.cu): FP16 weights of many channels, read once for up to eight rows.</summary>
internal static class GpuHead
{
    private const int Channels = 256;

    /// <summary>Fewer channels than these leave half of a Hopper's multiprocessors without a block.</summary>
    private const int FewestChannels = 64 * Channels;

    private const int MostStages = 6;
    private const int FewestStages = 4;
    private const int MostRows = 8;

    /// <summary>Whether these kernels are the ones to take for a layer of so many channels.</summary>
    public static bool Suits(GpuDevice device, int channels) => channels >= FewestChannels && Bytes(FewestStages, MostRows) <= device.MaxSharedBytes;

    /// <summary>Queues y = x·Wᵀ (+ bias) (+ y).</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="x">[rows, stride] floats, padded with zeros.</param>
    /// <param name="stride">Floats from row to row, a multiple of 64.</param>
    /// <param name="w">[out, in] in FP16.</param>
    /// <param name="y">[rows, out]</param>
    /// <param name="rows">Rows.</param>
    /// <param name="accumulate">True to add to y.</param>
    public static void Launch(GpuDevice device, LaunchArgument x, int stride, GpuLinear w, LaunchArgument y, int rows, bool accumulate)
    {
        var tile = rows > 4 ? MostRows : rows > 2 ? 4 : rows;
        var stages = Bytes(MostStages, tile) <= device.MaxSharedBytes ? MostStages : FewestStages;
        var grid = LaunchGrid.Blocks(LaunchGrid.Parts(rows, tile), LaunchGrid.Parts(w.OutFeatures, Channels), 256).Overlapping;
        device.Launch($"head_float16_{tile}_s{stages}", grid, Bytes(stages, tile), x, stride, w.Data, w.Pitch, w.Scales, w.InFeatures, w.GroupSize, w.Bias,
            y, rows, w.OutFeatures, accumulate);
    }

    private static int Bytes(int stages, int rows) => stages * ((Channels * 128) + (rows * 256));
}
