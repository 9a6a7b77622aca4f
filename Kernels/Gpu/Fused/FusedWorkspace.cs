using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The intermediate buffers of a fused forward pass for up to <see cref="Capacity"/> rows; shared by all layers of a stage.</summary>
internal sealed class FusedWorkspace : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    public FusedWorkspace(GpuDevice device, ModelConfig config, int rows, int maxPositions)
    {
        Capacity = rows;
        var (query, kv) = (config.NumHeads * config.HeadDim, config.NumKvHeads * config.HeadDim);
        X = Floats(config.HiddenSize, "residual stream");
        Qkv = Floats(query + (2 * kv), "q, k and v");
        O = Floats(query, "attention output");
        U = Floats(config.IntermediateSize, "feed-forward activations");
        Codes = Own(new CodeRows(device, rows, config.HiddenSize, config.IntermediateSize, query));
        Batch = Own(new FusedBatch(device, rows, KvLayoutPages(maxPositions)));

        DeviceMemory Floats(int width, string what) => Own(device.Allocate(sizeof(float) * (long)rows * width, $"{what} of {rows} rows"));
    }

    /// <summary>Most rows.</summary>
    public int Capacity { get; }

    /// <summary>[rows, hidden]</summary>
    public DeviceMemory X { get; }

    /// <summary>[rows, (heads + 2·kv_heads)·head_dim]</summary>
    public DeviceMemory Qkv { get; }

    /// <summary>[rows, heads·head_dim]</summary>
    public DeviceMemory O { get; }

    /// <summary>[rows, intermediate]</summary>
    public DeviceMemory U { get; }

    /// <summary>Input of the next GEMM.</summary>
    public CodeRows Codes { get; }

    /// <summary>Ids, positions, block tables.</summary>
    public FusedBatch Batch { get; }

    public void Dispose() => _owned.ForEach(owned => owned.Dispose());

    private static int KvLayoutPages(int positions) => Backends.KvLayout.PagesFor(positions);

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }
}
