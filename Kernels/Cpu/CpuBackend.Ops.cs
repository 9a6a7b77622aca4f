using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;

namespace QuaRot.Kernels.Cpu;

/// <summary>The ops for one vector width: each cuts its work into items that write different memory.</summary>
internal sealed unsafe class CpuBackend<T, TBytes>(SimdWidth width, int threads) : CpuBackend(threads)
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    /// <summary>Multiply-adds (or elements, for the cheap ops) below which calling in another thread costs more than it gains.</summary>
    private const long WorthSharing = 100_000;

    public override SimdWidth Width => width;

    public override void RmsNorm(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, FloatBuffer y, int rows, int width) =>
        ForRows(rows, width, new RmsNormRows<T>(Floats(x).Pointer, gain is null ? null : Floats(gain).Pointer,
            bias is null ? null : Floats(bias).Pointer, eps, Floats(y).Pointer, width));

    public override void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        Rows(y).Begin(rows, width, bits);
        ForRows(rows, width, new QuantizeRows<T>(Floats(x).Pointer, Rows(y), clip));
    }

    public override void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate)
    {
        var (rows, linear) = (Rows(x), (CpuLinear)w);
        var target = Floats(y).Pointer;
        var parallel = (long)rows.Rows * linear.InFeatures * linear.OutFeatures > WorthSharing;
        fixed (float* bias = linear.Bias)
        {
            switch (linear)
            {
                case Int4Linear packed when rows.Bits < 16:
                    var int4 = new Int4Gemm<T, TBytes>(Workers, rows, packed, target, bias, accumulate);
                    Workers.Run(int4.Items, parallel, int4);
                    break;
                case Int8Linear packed when rows.Bits < 16:
                    Workers.Run(linear.Panels, parallel, new Int8Gemm<T, TBytes>(rows, packed, target, bias, accumulate));
                    break;
                default:
                    var gemm = new FloatGemm<T>(Workers, rows, linear, target, bias, accumulate);
                    Workers.Run(gemm.Items, parallel, gemm);
                    break;
            }
        }
    }

    public override void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads)
    {
        fixed (int* at = positions)
        {
            ForRows(positions.Length, heads * table.HeadDim,
                new RopeRows<T>(Floats(x).Pointer, Floats(table.Cos).Pointer, Floats(table.Sin).Pointer, at, heads, table.HeadDim / 2));
        }
    }

    public override void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape) =>
        ForRows(rows, shape.Width, new HadamardRows<T>(Workers, Floats(x).Pointer, shape));

    public override void HadamardQuantize(FloatBuffer x, QuantizedRows y, int rows, HadamardShape shape, int bits, float clip)
    {
        shape.RequireFixedPoint();
        Rows(y).Begin(rows, shape.Width, bits);
        ForRows(rows, 4L * shape.Width, new HadamardQuantizeRows<T, TBytes>(Workers, Floats(x).Pointer, Rows(y), shape, clip));
    }

    public override void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch) =>
        ForRows(batch.Rows, 8L * cache.Layout.KvHeads * cache.Layout.HeadDim,
            new AppendRows<T>(Floats(k).Pointer, Floats(v).Pointer, Cache(cache), layer, batch));

    public override void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o)
    {
        var work = 0L;
        foreach (var position in batch.Positions)
        {
            work += (position + 1L) * heads * cache.Layout.HeadDim * 2;
        }

        if (cache.Layout.IsInteger)
        {
            var integers = new IntegerAttention<T, TBytes>(Workers, Cache(cache), layer, batch, heads, Floats(q).Pointer, Floats(o).Pointer);
            Workers.Run(integers.Items, work > WorthSharing, integers);
            return;
        }

        var floats = new FloatAttention<T>(Workers, Cache(cache), layer, batch, heads, Floats(q).Pointer, Floats(o).Pointer);
        Workers.Run(floats.Items, work > WorthSharing, floats);
    }

    public override void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count)
    {
        var parts = new SiluParts<T>(Floats(gate).Pointer, Floats(up).Pointer, Floats(u).Pointer, count);
        Workers.Run(parts.Items, count > WorthSharing / 16, parts);
    }

    private void ForRows<TRow>(int rows, long elements, TRow body)
        where TRow : struct, IRowWork
    {
        var work = new RowWork<TRow>(body, rows);
        Workers.Run(work.Items, rows * elements > WorthSharing / 4, work);
    }
}
