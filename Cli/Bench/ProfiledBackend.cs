using System.Diagnostics;
using QuaRot.Checkpoints;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;

namespace QuaRot.Cli.Bench;

/// <summary>Passes every op on and adds up the time that each kind takes.</summary>
internal sealed class ProfiledBackend(Backend inner) : Backend
{
    private readonly Dictionary<string, TimeSpan> _times = [];

    public override string Name => inner.Name;

    /// <summary>Time by op since the last call.</summary>
    public IReadOnlyDictionary<string, TimeSpan> Take()
    {
        var times = new Dictionary<string, TimeSpan>(_times);
        _times.Clear();
        return times;
    }

    public override FloatBuffer AllocateFloats(long length) => inner.AllocateFloats(length);

    public override QuantizedRows AllocateRows(int maxRows, int maxWidth) => inner.AllocateRows(maxRows, maxWidth);

    public override KvCache AllocateKvCache(KvLayout layout) => inner.AllocateKvCache(layout);

    public override PackedLinear LoadLinear(LinearWeights weights) => inner.LoadLinear(weights);

    public override PackedLinear LoadEmbedding(LinearWeights weights) => inner.LoadEmbedding(weights);

    public override void EmbedTokens(PackedLinear table, ReadOnlySpan<int> tokenIds, FloatBuffer x)
    {
        var start = Stopwatch.GetTimestamp();
        inner.EmbedTokens(table, tokenIds, x);
        Add("embed_tokens", start);
    }

    public override void RmsNorm(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, FloatBuffer y, int rows, int width)
    {
        var start = Stopwatch.GetTimestamp();
        inner.RmsNorm(x, gain, bias, eps, y, rows, width);
        Add("rms_norm", start);
    }

    public override void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        var start = Stopwatch.GetTimestamp();
        inner.QuantizePerToken(x, y, rows, width, bits, clip);
        Add("quantize_per_token", start);
    }

    public override void RoundGroups(FloatBuffer x, QuantizedRows y, int rows, int width, int group, int bits, float clip)
    {
        var start = Stopwatch.GetTimestamp();
        inner.RoundGroups(x, y, rows, width, group, bits, clip);
        Add("round_groups", start);
    }

    public override void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Gemm(x, w, y, accumulate);
        Add(x.Bits == 16 ? "gemm, float" : "w4a4_gemm", start);
    }

    public override void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ApplyRope(x, table, positions, heads);
        Add("apply_rope", start);
    }

    public override void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape)
    {
        var start = Stopwatch.GetTimestamp();
        inner.HadamardTransform(x, rows, shape);
        Add("hadamard_transform", start);
    }

    public override void HadamardQuantize(FloatBuffer x, QuantizedRows y, int rows, HadamardShape shape, int bits, float clip)
    {
        var start = Stopwatch.GetTimestamp();
        inner.HadamardQuantize(x, y, rows, shape, bits, clip);
        Add("hadamard_quantize", start);
    }

    public override void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch)
    {
        var start = Stopwatch.GetTimestamp();
        inner.AppendPagedKvCache(k, v, cache, layer, batch);
        Add("append_paged_kv_cache", start);
    }

    public override void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Attention(q, cache, layer, batch, heads, o);
        Add("attention", start);
    }

    public override void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SiluAndMul(gate, up, u, count);
        Add("silu_and_mul", start);
    }

    public override void GatherRows(FloatBuffer x, ReadOnlySpan<int> rows, FloatBuffer y, int width)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GatherRows(x, rows, y, width);
        Add("gather_rows", start);
    }

    public override void Dispose() => inner.Dispose();

    private void Add(string op, long start) =>
        _times[op] = _times.GetValueOrDefault(op) + Stopwatch.GetElapsedTime(start);
}
