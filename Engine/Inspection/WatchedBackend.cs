using QuaRot.Checkpoints;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;

namespace QuaRot.Engine.Inspection;

/// <summary>Passes every op on, and shows what is about to be quantized.</summary>
/// <remarks>
/// A decoder layer quantizes four times, always in the same order, and appends to the cache in between: from that the layer and the site
/// follow, without the layer knowing that it is watched.
/// </remarks>
internal sealed class WatchedBackend(Backend inner, Action<int, InspectedSite, float[]> show) : Backend
{
    private const int SitesOfLayer = 4;

    private int _quantized;

    public override string Name => inner.Name;

    /// <summary>A forward pass starts.</summary>
    public void Begin() => _quantized = 0;

    public override FloatBuffer AllocateFloats(long length) => inner.AllocateFloats(length);

    public override QuantizedRows AllocateRows(int maxRows, int maxWidth) => inner.AllocateRows(maxRows, maxWidth);

    public override KvCache AllocateKvCache(KvLayout layout) => inner.AllocateKvCache(layout);

    public override PackedLinear LoadLinear(LinearWeights weights) => inner.LoadLinear(weights);

    public override PackedLinear LoadEmbedding(LinearWeights weights) => inner.LoadEmbedding(weights);

    public override void EmbedTokens(PackedLinear table, ReadOnlySpan<int> tokenIds, FloatBuffer x) => inner.EmbedTokens(table, tokenIds, x);

    public override void RmsNorm(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, FloatBuffer y, int rows, int width) =>
        inner.RmsNorm(x, gain, bias, eps, y, rows, width);

    public override void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        ShowNext(x, rows * width);
        inner.QuantizePerToken(x, y, rows, width, bits, clip);
    }

    public override void RoundGroups(FloatBuffer x, QuantizedRows y, int rows, int width, int group, int bits, float clip)
    {
        ShowNext(x, rows * width);
        inner.RoundGroups(x, y, rows, width, group, bits, clip);
    }

    public override void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate) => inner.Gemm(x, w, y, accumulate);

    public override void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads) => inner.ApplyRope(x, table, positions, heads);

    public override void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape) => inner.HadamardTransform(x, rows, shape);

    public override void HadamardQuantize(FloatBuffer x, QuantizedRows y, int rows, HadamardShape shape, int bits, float clip)
    {
        // What is quantized here exists only inside the op: a copy is transformed to be shown, and the op gets x as it came.
        var values = new float[rows * shape.Width];
        x.CopyTo(values);
        using (var copy = inner.AllocateFloats(values.Length))
        {
            copy.CopyFrom(values);
            inner.HadamardTransform(copy, rows, shape);
            ShowNext(copy, values.Length);
        }

        inner.HadamardQuantize(x, y, rows, shape, bits, clip);
    }

    public override void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch)
    {
        var length = batch.Rows * cache.Layout.KvHeads * cache.Layout.HeadDim;
        Show(layer, InspectedSite.Key, k, length);
        Show(layer, InspectedSite.Value, v, length);
        inner.AppendPagedKvCache(k, v, cache, layer, batch);
    }

    public override void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o) =>
        inner.Attention(q, cache, layer, batch, heads, o);

    public override void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count) => inner.SiluAndMul(gate, up, u, count);

    public override void GatherRows(FloatBuffer x, ReadOnlySpan<int> rows, FloatBuffer y, int width) => inner.GatherRows(x, rows, y, width);

    public override void Dispose()
    {
        // The backend behind it stays its owner's.
    }

    private void ShowNext(FloatBuffer x, int length)
    {
        Show(_quantized / SitesOfLayer, (InspectedSite)(_quantized % SitesOfLayer), x, length);
        _quantized++;
    }

    private void Show(int layer, InspectedSite site, FloatBuffer x, int length)
    {
        var values = new float[length];
        x.CopyTo(values);
        show(layer, site, values);
    }
}
