namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Launches w4a4_gemm: which kernel depends on the chip and the number of rows, the result does not.</summary>
internal static class W4Gemm
{
    /// <summary>Groups that the kernels take: an input step of theirs.</summary>
    public const int GroupSize = 128;

    private const int MostRowsOfGemv = 16;

    /// <summary>Of a Hopper SM's 228 KB: one CTA of a GEMV on each.</summary>
    private const int MoreThanHalf = 116 * 1024;

    /// <summary>Up to here mma.sync tiles of 64 tokens win over wgmma tiles of 128, half of which would be empty.</summary>
    private const int MostRowsOfMma = 64;

    /// <summary>From here tiles of 256 tokens win (bench/NOTES.md).</summary>
    private const int FewestRowsOfWideTiles = 1024;

    /// <summary>How a kernel ends; numbers as in w4_epilogue.cuh.</summary>
    public enum Ending
    {
        /// <summary>y = x·Wᵀ, [rows, out].</summary>
        Store = 0,

        /// <summary>y += x·Wᵀ.</summary>
        Add = 1,

        /// <summary>y = silu(gate)·up, [rows, out / 2], over interleaved channels.</summary>
        SiluAndMul = 2,
    }

    /// <summary>Queues y = x·Wᵀ.</summary>
    public static void Launch(GpuDevice device, CodeRows x, PackedW4 w, DeviceMemory y, int rows, Ending ending)
    {
        var grouped = w.Groups > 1;
        var suffix = grouped ? "_g128" : "";
        if (device.Info.Architecture != GpuInfo.Hopper || (rows > MostRowsOfGemv && rows <= MostRowsOfMma))
        {
            device.Launch($"w4a4_gemm_mma{suffix}", LaunchGrid.Blocks(LaunchGrid.Parts(w.OutFeatures, 128), LaunchGrid.Parts(rows, 64), 256).Overlapping, 0,
                x.Codes, w.Data, w.Scales, x.Scales, w.Bias, y, rows, w.OutFeatures, w.InFeatures, (int)ending);
            return;
        }

        if (rows <= MostRowsOfGemv)
        {
            // Panels of 32 rows where those of 64 would leave SMs idle.
            var (tiles, panel) = (rows <= 8 ? 1 : 2, w.OutFeatures < 64 * device.Multiprocessors ? 32 : 64);
            var grid = LaunchGrid.Blocks(Math.Min(LaunchGrid.Parts(w.OutFeatures, panel), device.Multiprocessors), 256).Overlapping;
            device.Launch($"w4a4_gemv_sm90_t{8 * tiles}{(panel == 32 ? "_r32" : "")}{suffix}", grid, GemvBytes(tiles, panel),
                x.Codes, w.Data, w.Scales, x.Scales, w.Bias, y, rows, w.OutFeatures, w.InFeatures, (int)ending);
            return;
        }

        var wide = !grouped && rows >= FewestRowsOfWideTiles;
        var (kernel, tile, bytes) = wide ? ("n256", 256, 205_904) : (grouped ? "g128" : "n128", 128, 197_760);
        var count = LaunchGrid.Parts(w.OutFeatures, 256) * LaunchGrid.Parts(rows, tile);
        device.Launch($"w4a4_gemm_sm90_{kernel}", LaunchGrid.Blocks(Math.Min(2 * count, device.Multiprocessors / 2 * 2), 384).Overlapping, bytes,
            x.MapOf(w.InFeatures), w.Data, w.Scales, x.Scales, w.Bias, y, rows, w.OutFeatures, w.InFeatures, (int)ending);
    }

    // gemv::Memory in w4a4_gemv_sm90.cu: rings, sums, barriers.
    private static int GemvBytes(int tiles, int panel) =>
        Math.Max(MoreThanHalf, (8 * SlotsOf(tiles) * 2048) + (8 * tiles * 8 * (panel + 8) * sizeof(int)) + (8 * SlotsOf(tiles) * (64 / panel) * 8) + 64);

    private static int SlotsOf(int tiles) => tiles == 1 ? 6 : 3;
}
