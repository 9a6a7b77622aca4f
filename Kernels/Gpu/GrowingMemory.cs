namespace QuaRot.Kernels.Gpu;

/// <summary>A workspace that grows to what was asked for most, zeroed whenever it does. Not thread-safe.</summary>
internal sealed class GrowingMemory(GpuDevice device, string what) : IDisposable
{
    private DeviceMemory? _memory;

    /// <summary>How often it has moved. An address says less: a larger piece of memory may lie where the smaller one lay.</summary>
    public int Moves { get; private set; }

    /// <summary>Address of at least <paramref name="bytes"/> bytes, 256-byte aligned; their contents are not kept.</summary>
    /// <exception cref="GpuException">They do not fit; says what for.</exception>
    public ulong Require(long bytes)
    {
        if (_memory is null || _memory.Bytes < bytes)
        {
            _memory?.Dispose();
            _memory = null;
            _memory = device.Allocate(bytes, what);
            _memory.Fill(0);
            Moves++;
        }

        return _memory.Address;
    }

    public void Dispose() => _memory?.Dispose();
}
