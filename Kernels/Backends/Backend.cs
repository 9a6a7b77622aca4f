using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Backends;

/// <summary>
/// The ops that a decoder layer is written in, on one kind of device. Thread-safe; buffers belong to one caller at a time.
/// </summary>
/// <remarks>
/// The arithmetic of every op is part of this contract, down to the last rounding (Kernels/README.md): the same values come out for any
/// batch, thread count and vector width. "16-lane sum" means: lane i adds the elements i, i+16, ... in ascending order with fused
/// multiply-add, starting from +0, the row padded with zeros to a multiple of 16; then lanes i and i+8, i+4, i+2, i+1 are added in turn.
/// "256-lane sum" is the same with 256 lanes and the steps 128, 64, ..., 1. Sums of integers are exact, so their order is free. A product
/// or sum is one rounding in the order written, fma is fused, rint rounds half to even.
/// </remarks>
public abstract class Backend : IDisposable
{
    /// <summary>Changes whenever an op may give other bits than before; part of a stage's numerics id.</summary>
    public const int KernelVersion = 2;

    /// <summary>Name of the backend in a numerics id.</summary>
    public abstract string Name { get; }

    /// <summary>What it computes on, by a name that is unique in the process.</summary>
    public virtual string DeviceName => Name;

    /// <summary>Memory for <paramref name="length"/> floats, not initialised.</summary>
    public abstract FloatBuffer AllocateFloats(long length);

    /// <summary>A workspace for quantize_per_token.</summary>
    public abstract QuantizedRows AllocateRows(int maxRows, int maxWidth);

    /// <summary>A paged KV cache, zeroed.</summary>
    public abstract KvCache AllocateKvCache(KvLayout layout);

    /// <summary>Copies and repacks a linear layer, so that it no longer depends on its checkpoint.</summary>
    /// <exception cref="ArgumentException">Sizes that contradict each other; names the tensor.</exception>
    public abstract PackedLinear LoadLinear(LinearWeights weights);

    /// <summary>Copies an embedding table of a float format.</summary>
    /// <exception cref="ArgumentException">Not a float format, or sizes that contradict each other; names the tensor.</exception>
    public abstract PackedLinear LoadEmbedding(LinearWeights weights);

    /// <summary>embed_tokens: x[r] = table[ids[r]].</summary>
    /// <param name="table">[vocab, width]</param>
    /// <param name="tokenIds">[rows]</param>
    /// <param name="x">[rows, width]</param>
    public abstract void EmbedTokens(PackedLinear table, ReadOnlySpan<int> tokenIds, FloatBuffer x);

    /// <summary>rms_norm: y = (x·(1/√(mean(x²) + eps)))·gain + bias; mean is a 256-lane sum divided by the width.</summary>
    /// <param name="x">[rows, width]</param>
    /// <param name="gain">[width], or null for none.</param>
    /// <param name="bias">[width], or null for none.</param>
    /// <param name="eps">Added to the mean.</param>
    /// <param name="y">[rows, width]</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Elements of a row.</param>
    public abstract void RmsNorm(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, FloatBuffer y, int rows, int width);

    /// <summary>
    /// quantize_per_token: scale = clip·max|x|/(2^(bits-1)-1), code = clamp(rint(x·(1/scale)), -2^(bits-1), 2^(bits-1)-1).
    /// </summary>
    /// <remarks>Half to even. A row whose scale would be below 1e-30 counts as zero and gets scale 1. 16 bits copy the floats.</remarks>
    /// <param name="x">[rows, width]</param>
    /// <param name="y">Takes codes and scales.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="bits">3 to 8, or 16.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    public abstract void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip);

    /// <summary>quantize_per_token of each group of a row as if it were a row, and back: y takes floats, each (float)code·scale of its group.</summary>
    /// <remarks>For activations in groups, whose linear layers are computed in float.</remarks>
    /// <param name="x">[rows, width]</param>
    /// <param name="y">Takes floats, as at 16 bits.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="group">Elements that share a scale; divides the width.</param>
    /// <param name="bits">3 to 8.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    public abstract void RoundGroups(FloatBuffer x, QuantizedRows y, int rows, int width, int group, int bits, float clip);

    /// <summary>
    /// hadamard_quantize: the online Hadamard transform of a whole row and quantize_per_token in one, in fixed point.
    /// </summary>
    /// <remarks>
    /// k = exponent of the largest |x|, so that it is 1.f·2^k; t = clamp(rint(x·2^(14-k)), -32767, 32767), an integer; z = t·H without
    /// 1/√n, exact in int32; Z = max|z|; step = (clip·(float)Z)/(2^(bits-1)-1);
    /// code = clamp(rint((float)z·(1/step)), -2^(bits-1), 2^(bits-1)-1); scale = step·(<see cref="HadamardShape.Scale"/>·2^(k-14)). A row
    /// whose largest |x| or whose scale is below 1e-30 counts as zero: codes 0, scale 1.
    /// </remarks>
    /// <param name="x">[rows, shape.Width]; its contents are lost.</param>
    /// <param name="y">Takes codes and scales.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="shape">One block, its size at most <see cref="HadamardShape.LargestFixedPointSize"/>.</param>
    /// <param name="bits">3 to 8.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    /// <exception cref="ArgumentException">The shape has several blocks, or is too large.</exception>
    public abstract void HadamardQuantize(FloatBuffer x, QuantizedRows y, int rows, HadamardShape shape, int bits, float clip);

    /// <summary>w4a4_gemm and its relatives: y = x·Wᵀ + bias, or y += that.</summary>
    /// <remarks>
    /// Integer weights and codes: t = fma((float)acc_g, sw_g, t) over the groups g ascending from t = 0, acc_g the exact int32 sum;
    /// result t·sx.
    /// Otherwise a 16-lane sum of x[k]·w[k], where an integer side counts as (float)code·scale. Then + bias, then + y.
    /// </remarks>
    /// <param name="x">[rows, in]</param>
    /// <param name="w">[out, in]</param>
    /// <param name="y">[rows, out]</param>
    /// <param name="accumulate">True to add to y.</param>
    public abstract void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate);

    /// <summary>apply_rope on halves (a, b) of each head: (fma(-b, sin, a·cos), fma(a, sin, b·cos)), in place.</summary>
    /// <param name="x">[rows, heads, head_dim]</param>
    /// <param name="table">Cosines and sines.</param>
    /// <param name="positions">[rows], each inside the table.</param>
    /// <param name="heads">Heads of a row.</param>
    public abstract void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads);

    /// <summary>hadamard_transform in place; arithmetic as <see cref="HadamardShape"/> says.</summary>
    /// <param name="x">[rows, shape.Width]</param>
    /// <param name="rows">Rows.</param>
    /// <param name="shape">What is transformed.</param>
    public abstract void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape);

    /// <summary>append_paged_kv_cache: quantizes each head of k and v and stores it at its row's page and slot.</summary>
    /// <remarks>
    /// scale = FP16((clip·max - clip·min)/(2^bits - 1)), min = FP16(clip·min), code = clamp(rint((x - min)·(1/scale)), 0, 2^bits - 1), both
    /// FP16 values widened again before use (spcl/QuaRot, fake_quant/quant_utils.py, asymmetric and group-wise). Where the scale is 0 in
    /// FP16:
    /// scale 1 and min = FP16(the unclipped minimum). A stored element is worth fma(scale, code, min).
    /// </remarks>
    /// <param name="k">[rows, kv_heads, head_dim]</param>
    /// <param name="v">[rows, kv_heads, head_dim]</param>
    /// <param name="cache">The cache.</param>
    /// <param name="layer">Layer of this stage, counted from its first.</param>
    /// <param name="batch">Positions and block tables.</param>
    public abstract void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch);

    /// <summary>
    /// flash_prefill and flash_decode: causal attention of each row to the cached positions of its sequence, its own included.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Keys and values of 3 to 8 bits, per row and query head. Queries: sq = max|q|/127 (1 where that is below 1e-30);
    /// qi = clamp(rint(q·(1/sq)), -127, 127); S = Σ qi; a = sq·(1/√head_dim). Tiles of 64 positions, of which the first n are not after
    /// the row's: s_j = a·fma(ks_j, (float)(Σ qi·kc_j), km_j·(float)S), with kc the stored code, ks and km its scale and min widened;
    /// m = max s_j over j &lt; n; p_j = exp(s_j - m), +0 for j ≥ n; l = eight-lane sum of p; w_j = p_j·vs_j; b = eight-lane sum of
    /// p_j·vm_j; g = max(w)/255 (1 where that is below 1e-30); wi_j = min(rint(w_j·(1/g)), 255); o = fma(g, (float)(Σ wi_j·vc_j), b).
    /// </para>
    /// <para>
    /// "Eight-lane sum" of the 64 elements of a tile: lane i adds elements i, i+8, ... ascending from +0; then (0+1), (2+3), (4+5), (6+7);
    /// then ((0+1)+(2+3)), ((4+5)+(6+7)); then the two.
    /// </para>
    /// <para>
    /// States (m, l, o) are merged ascending: M = max(m, m'); α = exp(m - M); β = exp(m' - M); l = fma(l, α, l'·β); o = fma(o, α, o'·β).
    /// First the tiles of each span of <see cref="KvLayout.TilesOfSpan"/> tiles, starting from its first tile's state, then the spans,
    /// starting from the first. At the end o/l.
    /// </para>
    /// <para>
    /// Where keys or values are floats: s = (16-lane sum of q·k)·(1/√head_dim); m' = max(m, s); a = exp(m - m'); p = exp(s - m');
    /// l = fma(l, a, 16-lane sum of p); o = o·a, then o = fma(p_j, v_j, o) for j ascending. At the end o/l.
    /// </para>
    /// </remarks>
    /// <param name="q">[rows, heads, head_dim]</param>
    /// <param name="cache">The cache.</param>
    /// <param name="layer">Layer of this stage, counted from its first.</param>
    /// <param name="batch">Positions and block tables.</param>
    /// <param name="heads">Query heads, a multiple of the cache's.</param>
    /// <param name="o">[rows, heads, head_dim]</param>
    public abstract void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o);

    /// <summary>silu_and_mul: u = (gate/(1 + exp(-gate)))·up.</summary>
    /// <param name="gate">[count]</param>
    /// <param name="up">[count]</param>
    /// <param name="u">[count]; may be <paramref name="gate"/>.</param>
    /// <param name="count">Elements.</param>
    public abstract void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count);

    /// <summary>y[i] = x[rows[i]].</summary>
    /// <param name="x">[any, width]</param>
    /// <param name="rows">Rows to take.</param>
    /// <param name="y">[rows taken, width]</param>
    /// <param name="width">Elements of a row.</param>
    public abstract void GatherRows(FloatBuffer x, ReadOnlySpan<int> rows, FloatBuffer y, int width);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>A buffer with these values.</summary>
    public FloatBuffer Upload(ReadOnlySpan<float> values)
    {
        var buffer = AllocateFloats(values.Length);
        buffer.CopyFrom(values);
        return buffer;
    }
}
