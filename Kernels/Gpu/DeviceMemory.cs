namespace QuaRot.Kernels.Gpu;

/// <summary>A run of device memory. Freed in the order of the device's work: what was queued before may still use it.</summary>
internal sealed class DeviceMemory(GpuDevice device, ulong address, long bytes) : IDisposable
{
    private int _isFreed;

    /// <summary>First byte.</summary>
    /// <exception cref="ObjectDisposedException">It was freed.</exception>
    public ulong Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _isFreed) != 0, this);
            return address;
        }
    }

    /// <summary>Usable bytes.</summary>
    public long Bytes => bytes;

    /// <summary>Copies bytes from the host; they have been read when it returns.</summary>
    public unsafe void Write<T>(ReadOnlySpan<T> values, long offset = 0)
        where T : unmanaged
    {
        var count = (long)values.Length * sizeof(T);
        Require(offset, count);
        fixed (T* source = values)
        {
            device.CopyToDevice(Address + (ulong)offset, (nint)source, count);
        }
    }

    /// <summary>Copies bytes to the host, after all work queued before.</summary>
    public unsafe void Read<T>(Span<T> values, long offset = 0)
        where T : unmanaged
    {
        var count = (long)values.Length * sizeof(T);
        Require(offset, count);
        fixed (T* target = values)
        {
            device.CopyToHost((nint)target, Address + (ulong)offset, count);
        }
    }

    /// <summary>Sets every byte.</summary>
    public void Fill(byte value) => device.Fill(Address, value, bytes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isFreed, 1) == 0)
        {
            device.Free(address);
        }
    }

    private void Require(long offset, long count) => ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + count, bytes);
}
