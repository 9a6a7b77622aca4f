using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>Launches hadamard_quantize for one shape, on device addresses: the same for the backend's op and for a fused stage.</summary>
internal sealed class HadamardQuantizer : IDisposable
{
    private const int MostColumnsOfMma = 1024;
    private const int BlockColumns = 64;
    private const int Threads = 512;

    private readonly GpuDevice _device;
    private readonly HadamardShape _shape;
    private readonly DeviceMemory? _signs;
    private readonly int _columns, _sharedBytes;
    private readonly bool _onTensorCores;

    /// <summary>Chooses the kernel and uploads the signs.</summary>
    /// <exception cref="ArgumentException">The row does not fit a block's shared memory, or int32.</exception>
    public HadamardQuantizer(GpuDevice device, HadamardShape shape)
    {
        (_device, _shape, _columns) = (device, shape, shape.Doublings * shape.Inner);
        if (shape.Blocks != 1 || shape.Size > HadamardShape.LargestFixedPoint || shape.Width % 4 != 0)
        {
            throw new ArgumentException($"hadamard_quantize of {shape.Blocks} x {shape.Size} x {shape.Inner} elements is not supported");
        }

        var depth = (shape.Order + 31) / 32 * 32;
        var bytesOnTensorCores = (2 * _columns * (depth + 16)) + (shape.Width * sizeof(int));
        _onTensorCores = shape.Order > 1 && _columns % BlockColumns == 0 && _columns <= MostColumnsOfMma
            && (shape.Inner == 1 || shape.Inner % BlockColumns == 0) && bytesOnTensorCores <= device.MaxSharedBytes - 1024;
        _sharedBytes = _onTensorCores ? bytesOnTensorCores : shape.Width * sizeof(int) * (shape.Order > 1 ? 2 : 1);
        if (_sharedBytes > device.MaxSharedBytes - 1024)
        {
            throw new ArgumentException($"hadamard_quantize of {shape.Width} elements: this GPU's shared memory is too small");
        }

        if (shape.Order > 1)
        {
            var signs = _onTensorCores ? Fragments(shape) : HadamardSigns.Bits(shape);
            _signs = device.Allocate(signs.Length, $"signs of the Hadamard matrix of order {shape.Order}");
            _signs.Write<byte>(signs);
        }
    }

    /// <summary>Queues it.</summary>
    /// <param name="x">float [rows, shape.Width], 16-byte aligned.</param>
    /// <param name="codes">Takes int8 [rows, stride], 4-byte aligned, the padding zeros.</param>
    /// <param name="scales">Takes float [rows].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="stride">Bytes from one row of codes to the next, a multiple of 4.</param>
    /// <param name="bits">3 to 8.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    public void Launch(DeviceMemory x, DeviceMemory codes, DeviceMemory scales, int rows, int stride, int bits, float clip) =>
        _device.Launch(_onTensorCores ? "hadamard_quantize_mma" : "hadamard_quantize", LaunchGrid.Blocks(rows, Threads).Overlapping, _sharedBytes,
            x, codes, scales, _shape.Order, _shape.Doublings, _shape.Inner, _signs, _shape.Scale, stride, (1 << (bits - 1)) - 1, clip);

    public void Dispose() => _signs?.Dispose();

    // A fragments of m16n8k32 (ptx.cuh): the entry of line `to`, column `from` is H[from, to].
    private static byte[] Fragments(HadamardShape shape)
    {
        var (m, steps) = (shape.Order, (shape.Order + 31) / 32);
        var bytes = new byte[(m + 15) / 16 * steps * 32 * 16];
        for (var i = 0; i < bytes.Length; i++)
        {
            var (tile, step, lane, word, part) = (i / (512 * steps), i / 512 % steps, i / 16 % 32, i / 4 % 4, i % 4);
            var to = (16 * tile) + (lane / 4) + (8 * (word % 2));
            var from = (32 * step) + (4 * (lane % 4)) + (16 * (word / 2)) + part;
            bytes[i] = to < m && from < m ? (byte)shape.Matrix[(from * m) + to] : (byte)0;
        }

        return bytes;
    }
}
