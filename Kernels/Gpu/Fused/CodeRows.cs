namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The quantized input of the next GEMM: [rows, width] signed bytes without padding, and a scale a row.</summary>
internal sealed class CodeRows : IDisposable
{
    private readonly Dictionary<int, TensorMap> _maps = [];

    /// <summary>Takes the memory for rows of any of the <paramref name="widths"/>.</summary>
    public CodeRows(GpuDevice device, int rows, params int[] widths)
    {
        Codes = device.Allocate((long)rows * widths.Max(), $"quantized activations [{rows}, {widths.Max()}]");
        Scales = device.Allocate(rows * sizeof(float), $"scales of {rows} rows");
        if (device.Info.Architecture == GpuInfo.Hopper)
        {
            _maps = widths.Distinct().ToDictionary(width => width, width => device.Describe(Codes, rows, width));
        }
    }

    /// <summary>[rows, width] bytes.</summary>
    public DeviceMemory Codes { get; }

    /// <summary>[rows]</summary>
    public DeviceMemory Scales { get; }

    /// <summary>The codes for Hopper's copy engine, as rows of <paramref name="width"/>.</summary>
    public TensorMap MapOf(int width) => _maps[width];

    public void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }
}
