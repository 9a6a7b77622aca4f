using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <content>hadamard_transform in floats, and hadamard_quantize in integers.</content>
public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    public override void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape)
    {
        Require(x, rows, shape.Width);
        var columns = shape.Doublings * shape.Inner;
        if (shape.Doublings > 1 || shape.Order == 1)
        {
            Butterflies(x, (long)rows * shape.Blocks * shape.Order, shape, columns);
        }

        if (shape.Order > 1)
        {
            lock (_gate)
            {
                _device.Launch("hadamard_mix", new LaunchGrid(LaunchGrid.Parts(columns, 32), (long)rows * shape.Blocks, 1, 32, 8),
                    shape.Order * 32 * sizeof(float), Floats(x), shape.Order, columns, Signs(shape), shape.Scale);
            }
        }
    }

    /// <inheritdoc/>
    public override void HadamardQuantize(FloatBuffer x, QuantizedRows y, int rows, HadamardShape shape, int bits, float clip)
    {
        Require(x, rows, shape.Width);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        var target = (GpuRows)y;
        target.Begin(rows, shape.Width, bits);
        Quantizer(shape).Launch(Floats(x), target.Codes, target.Scales, rows, target.Stride, bits, clip);
    }

    /// <summary>hadamard_quantize of this shape; one for all layers and stages.</summary>
    internal HadamardQuantizer Quantizer(HadamardShape shape)
    {
        lock (_gate)
        {
            var key = (shape.Blocks, shape.Size, shape.Inner);
            return _hadamardQuantizers.TryGetValue(key, out var known) ? known : _hadamardQuantizers[key] = new HadamardQuantizer(_device, shape, Signs(shape));
        }
    }

    private void Butterflies(FloatBuffer x, long groups, HadamardShape shape, int groupSize)
    {
        var bytes = groupSize * sizeof(float);
        if (bytes > _device.MaxSharedBytes)
        {
            throw new ArgumentException($"hadamard_transform of {shape.Doublings} x {shape.Inner} elements at once: "
                + $"this GPU's shared memory holds {_device.MaxSharedBytes / sizeof(float)}");
        }

        var groupsOfBlock = Math.Max(1, 1024 / groupSize);
        var threads = Math.Clamp(groupSize * groupsOfBlock / 8, 128, 1024);
        _device.Launch("hadamard_butterflies", LaunchGrid.Blocks(LaunchGrid.Parts(groups, groupsOfBlock), threads / 32 * 32), groupsOfBlock * bytes,
            Floats(x), groups, shape.Doublings, shape.Inner, groupsOfBlock, shape.Order == 1 ? shape.Scale : 1f);
    }

    // Which entries of the m x m matrix are -1, eight of a row to a byte; one copy for all shapes of this order.
    private DeviceMemory Signs(HadamardShape shape)
    {
        if (_hadamardSigns.TryGetValue(shape.Order, out var known))
        {
            return known;
        }

        var m = shape.Order;
        var signs = new byte[(m + 7) / 8 * m];
        for (var to = 0; to < m; to++)
        {
            for (var from = 0; from < m; from++)
            {
                signs[(to / 8 * m) + from] |= (byte)(shape.Matrix[(from * m) + to] > 0 ? 0 : 1 << (to % 8));
            }
        }

        var memory = _device.Allocate(signs.Length, $"signs of the Hadamard matrix of order {m}");
        memory.Write<byte>(signs);
        return _hadamardSigns[m] = memory;
    }
}
