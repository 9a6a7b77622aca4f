using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Attention of a stage's batches: which rows go to flash_decode and which to flash_prefill, and the buffers both need.</summary>
internal sealed class FusedAttention : IDisposable
{
    private readonly FlashAttention _flash;
    private readonly ModelConfig _config;
    private readonly GpuKvCache _cache;
    private readonly (ulong Cos, ulong Sin) _rope;
    private readonly DeviceMemory _codes, _scalesAndSums, _arrived;
    private readonly GrowingMemory _spanOutputs, _spanMaxima;
    private readonly int _capacity;

    public FusedAttention(GpuDevice device, ModelConfig config, GpuKvCache cache, RopeTable rope, int rows)
    {
        // Each of these kernels waits by itself for the one before.
        _flash = new FlashAttention((kernel, grid, sharedBytes, arguments) => device.Launch(kernel, grid.Overlapping, sharedBytes, arguments), device.Multiprocessors);
        (_config, _cache, _capacity) = (config, cache, rows);
        _rope = (((GpuFloats)rope.Cos).Memory.Address, ((GpuFloats)rope.Sin).Memory.Address);
        _codes = device.Allocate((long)rows * config.NumHeads * config.HeadDim, $"queries of {rows} rows");
        _scalesAndSums = device.Allocate(2L * sizeof(float) * rows * config.NumHeads, $"scales of queries of {rows} rows");
        _arrived = device.Allocate(SpanStates.ArrivedBytes(rows, config.NumHeads), "counters of attention");
        _arrived.Fill(0);
        _spanOutputs = new GrowingMemory(device, "attention states");
        _spanMaxima = new GrowingMemory(device, "attention states");
    }

    private QueryCodes Codes => new(_codes.Address, _scalesAndSums.Address, _scalesAndSums.Address + ((ulong)_capacity * (ulong)_config.NumHeads * sizeof(float)));

    /// <summary>One row a sequence, contexts of at most <paramref name="spans"/> spans: what a graph replays.</summary>
    public IFusedAttention Decode(FusedBatch batch, int rows, int spans) => new Plan(this, batch.Rows, rows, DecodeList: 0, rows, TileList: 0, 0, States(rows, spans), IsSettled: true);

    /// <summary>Any rows; their lists lie in <paramref name="batch"/>.</summary>
    public IFusedAttention Mixed(FusedBatch batch, int rows, AttentionRows lists) => new Plan(this, batch.Rows, rows, batch.AttentionInts, lists.DecodeCount,
        batch.AttentionInts + ((ulong)lists.DecodeCount * sizeof(int)), lists.TileCount, States(rows, Math.Max(1, lists.Spans)), IsSettled: false);

    /// <summary>How often its buffers have moved, which they do when more is asked for than ever.</summary>
    public int Moves => _spanOutputs.Moves + _spanMaxima.Moves;

    public void Dispose()
    {
        _codes.Dispose();
        _scalesAndSums.Dispose();
        _arrived.Dispose();
        _spanOutputs.Dispose();
        _spanMaxima.Dispose();
    }

    private SpanStates States(int rows, int spans) => new(
        _spanOutputs.Require(SpanStates.OutputBytes(rows, _config.NumHeads, _config.HeadDim, spans)),
        _spanMaxima.Require(SpanStates.MaximumAndSumBytes(rows, _config.NumHeads, spans)), _arrived.Address, spans);

    private sealed record Plan(
        FusedAttention Owner, LaunchArgument Batch, int Rows, ulong DecodeList, int DecodeCount, ulong TileList, int TileCount, SpanStates States, bool IsSettled)
        : IFusedAttention
    {
        public void Launch(int layer, DeviceMemory qkv, DeviceMemory o)
        {
            var (flash, cache, heads, codes) = (Owner._flash, Owner._cache, Owner._config.NumHeads, Owner.Codes);
            flash.LaunchRopeAppend(qkv.Address, Owner._rope, cache, layer, Batch, Rows, heads, isRotated: true, codes);
            if (DecodeCount > 0)
            {
                flash.LaunchDecode(codes, cache, layer, Batch, DecodeList, DecodeCount, heads, o.Address, States, States.Stride, IsSettled);
            }

            if (TileCount > 0)
            {
                flash.LaunchPrefill(codes, cache, layer, Batch, TileList, TileCount, heads, o.Address);
            }
        }
    }
}
