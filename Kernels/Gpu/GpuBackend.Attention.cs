using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <content>The KV cache's ops: which kernel takes which rows.</content>
public sealed partial class GpuBackend
{
    /// <summary>The attention kernels keep two output elements a thread.</summary>
    private const int LargestHeadDim = 256;

    private readonly FlashAttention _flash;
    private readonly DeviceInts _attentionRows;
    private readonly GrowingMemory _queryCodes, _queryScales, _spanOutputs, _spanMaxima, _spanArrived;

    /// <inheritdoc/>
    public override void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch)
    {
        var (gpu, layout) = ((GpuKvCache)cache, cache.Layout);
        Require(k, batch.Rows, layout.KvHeads * layout.HeadDim);
        Require(v, batch.Rows, layout.KvHeads * layout.HeadDim);
        BatchInts.Require(batch, layout);
        lock (_gate)
        {
            _device.Launch("append_paged_kv_cache", new LaunchGrid(layout.KvHeads, batch.Rows, 2, 32), 0, Floats(k), Floats(v), gpu.Memory,
                layout.PageBytes, gpu.Plane(layer, value: false), gpu.Plane(layer, value: true),
                BatchInts.Argument(_batch.Set(BatchInts.Pack(batch)), batch), layout.HeadDim, layout.Clip);
        }
    }

    /// <inheritdoc/>
    public override void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o)
    {
        var (gpu, layout) = ((GpuKvCache)cache, cache.Layout);
        Require(q, batch.Rows, heads * layout.HeadDim);
        Require(o, batch.Rows, heads * layout.HeadDim);
        BatchInts.Require(batch, layout);
        if (layout.HeadDim > LargestHeadDim || heads % layout.KvHeads != 0)
        {
            throw new ArgumentException($"attention of {heads} heads of {layout.HeadDim} elements over {layout.KvHeads}: "
                + $"the heads must be a multiple, and hold at most {LargestHeadDim}");
        }

        lock (_gate)
        {
            var ints = BatchInts.Argument(_batch.Set(BatchInts.Pack(batch)), batch);
            if (layout.KeyBits > 8 || layout.ValueBits > 8)
            {
                FloatAttention(q, gpu, layer, ints, batch.Rows, heads, o);
            }
            else
            {
                IntegerAttention(q, gpu, layer, ints, batch, heads, o);
            }
        }
    }

    private void FloatAttention(FloatBuffer q, GpuKvCache cache, int layer, LaunchArgument batch, int rows, int heads, FloatBuffer o)
    {
        var layout = cache.Layout;
        var stride = ((layout.HeadDim + 15) / 16 * 16) + 4;
        _device.Launch("attention", LaunchGrid.Blocks(heads, rows, 128), ((2 * KvLayout.PageSize) + 1) * stride * sizeof(float),
            Floats(q), cache.Memory, layout.PageBytes, cache.Plane(layer, value: false), cache.Plane(layer, value: true),
            batch, layout.KvHeads, layout.HeadDim, 1f / MathF.Sqrt(layout.HeadDim), Floats(o));
    }

    // Under the gate: the workspaces are used by one op at a time.
    private void IntegerAttention(FloatBuffer q, GpuKvCache cache, int layer, LaunchArgument ints, ForwardBatch batch, int heads, FloatBuffer o)
    {
        var (layout, output) = (cache.Layout, ((GpuFloats)o).Memory.Address);
        var count = (long)batch.Rows * heads;
        var scales = _queryScales.Require(count * 2 * sizeof(float));
        var codes = new QueryCodes(_queryCodes.Require(count * layout.HeadDim), scales, scales + ((ulong)count * sizeof(float)));
        _flash.LaunchQuantizeQuery(((GpuFloats)q).Memory.Address, codes, count, layout.HeadDim);
        if (!FlashAttention.Supports(layout))
        {
            _flash.LaunchPlain(codes, cache, layer, ints, batch.Rows, heads, output);
            return;
        }

        var rows = new AttentionRows(batch);
        var list = _attentionRows.Set(rows.Ints).Address;
        if (rows.DecodeCount > 0)
        {
            var states = new SpanStates(_spanOutputs.Require(SpanStates.OutputBytes(rows.DecodeCount, heads, layout.HeadDim, rows.Spans)),
                _spanMaxima.Require(SpanStates.MaximumAndSumBytes(rows.DecodeCount, heads, rows.Spans)),
                _spanArrived.Require(SpanStates.ArrivedBytes(rows.DecodeCount, heads)), rows.Spans);
            _flash.LaunchDecode(codes, cache, layer, ints, list, rows.DecodeCount, heads, output, states, rows.Spans, isSettled: false);
        }

        if (rows.TileCount > 0)
        {
            _flash.LaunchPrefill(codes, cache, layer, ints, list + ((ulong)rows.DecodeCount * sizeof(int)), rows.TileCount, heads, output);
        }
    }
}
