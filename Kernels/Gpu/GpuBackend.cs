using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>The ops on one NVIDIA GPU, bit for bit those of the reference backend.</summary>
public sealed partial class GpuBackend : Backend
{
    private readonly GpuDevice _device;
    private readonly DeviceInts _tokens, _positions, _batch;
    private readonly Dictionary<int, DeviceMemory> _hadamardSigns = [];
    private readonly Dictionary<(int Blocks, int Size, int Inner), HadamardQuantizer> _hadamardQuantizers = [];

    /// <summary>Held from the upload of ints to the launch that reads them: several stages share a backend.</summary>
    private readonly Lock _gate = new();

    private GpuBackend(GpuDevice device)
    {
        _device = device;
        (_tokens, _positions, _batch) = (new DeviceInts(device), new DeviceInts(device), new DeviceInts(device));
        _flash = new FlashAttention(device.Launch, device.Multiprocessors);
        _attentionRows = new DeviceInts(device);
        (_queryCodes, _queryScales) = (new GrowingMemory(device, "codes of queries"), new GrowingMemory(device, "scales of queries"));
        (_spanOutputs, _spanMaxima) = (new GrowingMemory(device, "states of attention"), new GrowingMemory(device, "maxima of attention"));
        _spanArrived = new GrowingMemory(device, "counters of attention");
    }

    /// <inheritdoc/>
    public override string Name => "gpu";

    /// <inheritdoc/>
    public override string DeviceName => _device.Info.DeviceName;

    /// <summary>Which GPU it computes on.</summary>
    public GpuInfo Gpu => _device.Info;

    /// <summary>Free and total bytes of the GPU's memory.</summary>
    public (long Free, long Total) Memory => _device.Memory();

    /// <summary>The device, for measurements and checks.</summary>
    internal GpuDevice Device => _device;

    /// <summary>Takes a GPU; on the first start the kernels are compiled, which takes seconds.</summary>
    /// <exception cref="GpuException">There is no such GPU, it is too old, or a kernel does not compile; says which.</exception>
    public static GpuBackend Create(int ordinal = 0) => new(new GpuDevice(ordinal, KernelCache.OpenDefault()));

    /// <inheritdoc/>
    public override FloatBuffer AllocateFloats(long length) => new GpuFloats(_device, length);

    /// <inheritdoc/>
    public override QuantizedRows AllocateRows(int maxRows, int maxWidth) => new GpuRows(_device, maxRows, maxWidth);

    /// <inheritdoc/>
    public override KvCache AllocateKvCache(KvLayout layout) => new GpuKvCache(_device, layout);

    /// <inheritdoc/>
    public override PackedLinear LoadLinear(LinearWeights weights) => new GpuLinear(_device, Widened(weights));

    /// <inheritdoc/>
    public override PackedLinear LoadEmbedding(LinearWeights weights) =>
        weights.Format is WeightFormat.Float16 or WeightFormat.BFloat16 or WeightFormat.Float32
            ? new GpuLinear(_device, Widened(weights))
            : throw new ArgumentException($"{weights.Name}: an embedding of {weights.Format}; it must be a float format");

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var quantizer in _hadamardQuantizers.Values)
        {
            quantizer.Dispose();
        }

        foreach (var signs in _hadamardSigns.Values)
        {
            signs.Dispose();
        }

        _tokens.Dispose();
        _positions.Dispose();
        _batch.Dispose();
        _attentionRows.Dispose();
        _queryCodes.Dispose();
        _queryScales.Dispose();
        _spanOutputs.Dispose();
        _spanMaxima.Dispose();
        _spanArrived.Dispose();
        _device.Dispose();
    }

    // The kernels read FP16 and FP32; BF16 is exact in FP32.
    private static LinearWeights Widened(LinearWeights weights)
    {
        if (weights.Format != WeightFormat.BFloat16)
        {
            return weights;
        }

        var singles = new byte[weights.Data.Length * 2L];
        BFloat16.Widen(weights.Data.Span, MemoryMarshal.Cast<byte, float>(singles.AsSpan()));
        return weights with { Format = WeightFormat.Float32, Data = singles };
    }

    private static DeviceMemory? Floats(FloatBuffer? buffer) => ((GpuFloats?)buffer)?.Memory;
}
