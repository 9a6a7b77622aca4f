using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Gpu;

/// <summary>Measures what a GPU can do, with kernels of Kernels/Cuda/probe.cu.</summary>
public static class GpuProbe
{
    private const int Repeats = 5;
    private const int Threads = 256;

    /// <summary>Rows of the probed weights.</summary>
    public const int GemmOut = 28672;

    /// <summary>Columns of the probed weights.</summary>
    public const int GemmIn = 8192;

    /// <summary>Bytes a second that a copy reads and writes, the best of five.</summary>
    public static double BytesPerSecond(GpuBackend gpu)
    {
        var bytes = Math.Min(1L << 30, gpu.Memory.Free / 4) / 4096 * 4096;
        using var from = gpu.Device.Allocate(bytes, "a bandwidth probe");
        using var to = gpu.Device.Allocate(bytes, "a bandwidth probe");
        from.Fill(0x5A);
        return 2 * bytes / Best(gpu, () => gpu.Device.Launch("probe_copy", LaunchGrid.Blocks(4096, Threads), 0, from, to, bytes / 16));
    }

    /// <summary>INT8 operations a second of mma.sync out of registers, the best of five: what the integer GEMM could reach at most.</summary>
    public static double Int8PerSecond(GpuBackend gpu)
    {
        const int Blocks = 2048;
        const int Rounds = 2000;
        const double Products = 8.0 * Rounds * Blocks * Threads / 32;
        using var result = gpu.Device.Allocate(sizeof(int) * Blocks * Threads, "a tensor core probe");
        return 2 * 16 * 8 * 32 * Products / Best(gpu, () => gpu.Device.Launch("probe_mma", LaunchGrid.Blocks(Blocks, Threads), 0, Rounds, result));
    }

    /// <summary>Seconds of w4a4_gemm of [rows, 8192] and [28672, 8192] (117 MB, more than the cache holds), the best of five.</summary>
    public static double GemmSeconds(GpuBackend gpu, int rows)
    {
        var data = new byte[GemmOut * GemmIn / 2];
        new Random(1).NextBytes(data);
        var scales = new float[GemmOut];
        Array.Fill(scales, 1f);
        using var w = gpu.LoadLinear(new LinearWeights
        {
            Name = "probe",
            OutFeatures = GemmOut,
            InFeatures = GemmIn,
            Format = WeightFormat.Int4,
            Data = data,
            Scales = scales,
        });
        using var x = gpu.Upload([.. Enumerable.Range(0, rows * GemmIn).Select(i => (float)((i * 7919L) % 15) - 7)]);
        using var codes = gpu.AllocateRows(rows, GemmIn);
        using var y = gpu.AllocateFloats((long)rows * GemmOut);
        gpu.QuantizePerToken(x, codes, rows, GemmIn, 4, 1f);
        return Best(gpu, () => gpu.Gemm(codes, w, y, accumulate: false));
    }

    private static double Best(GpuBackend gpu, Action launch)
    {
        launch();
        return Enumerable.Range(0, Repeats).Min(_ => gpu.Device.Time(launch));
    }
}
