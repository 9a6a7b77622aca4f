namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The quantized input of the next GEMM: [rows, width] signed bytes without padding, and a scale a row.</summary>
internal sealed class CodeRows(GpuDevice device, int rows, int widest) : IDisposable
{
    private readonly Dictionary<int, TensorMap> _maps = [];

    /// <summary>[rows, width] bytes.</summary>
    public DeviceMemory Codes { get; } = device.Allocate((long)rows * widest, $"quantized activations [{rows}, {widest}]");

    /// <summary>[rows]</summary>
    public DeviceMemory Scales { get; } = device.Allocate(rows * sizeof(float), $"scales of {rows} rows");

    /// <summary>The codes for Hopper's copy engine, as rows of <paramref name="width"/>.</summary>
    public TensorMap MapOf(int width)
    {
        if (!_maps.TryGetValue(width, out var map))
        {
            map = new TensorMap(Codes.Address, rows, width);
            _maps.Add(width, map);
        }

        return map;
    }

    public void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }
}
