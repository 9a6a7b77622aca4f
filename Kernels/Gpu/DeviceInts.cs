namespace QuaRot.Kernels.Gpu;

/// <summary>Ints of a batch (token ids, positions, block tables) on the device, copied only when they change from one op to the next.</summary>
/// <remarks>Not thread-safe: the backend holds its gate from here to the launch, so that no other stage's ints come between.</remarks>
internal sealed class DeviceInts(GpuDevice device) : IDisposable
{
    private const int Smallest = 1024;

    private DeviceMemory _memory = device.Allocate(Smallest * sizeof(int), "ints of a batch");
    private int[] _current = [];

    /// <summary>Where <paramref name="values"/> lie for the launches that follow.</summary>
    public DeviceMemory Set(ReadOnlySpan<int> values)
    {
        if (values.SequenceEqual(_current))
        {
            return _memory;
        }

        _current = values.ToArray();
        if (_memory.Bytes < (long)values.Length * sizeof(int))
        {
            _memory.Dispose();
            _memory = device.Allocate(sizeof(int) * (long)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)values.Length), "ints of a batch");
        }

        device.Upload(_memory, _current);
        return _memory;
    }

    /// <summary>Where the last ones lie.</summary>
    public ulong Address => _memory.Address;

    /// <summary>The next ones are copied in any case: a kernel changes those that lie there.</summary>
    public void Forget() => _current = [];

    public void Dispose() => _memory.Dispose();
}
