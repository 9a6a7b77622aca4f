using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;

namespace QuaRot.Kernels.Cpu;

/// <summary>The ops for one vector width: each cuts its work into items that write different memory.</summary>
internal sealed unsafe class CpuBackend<T, TBytes>(SimdWidth width, int threads) : CpuBackend(threads)
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    /// <summary>Multiply-adds (or elements, for the cheap ops) below which waking another thread costs more than it gains.</summary>
    private const long WorthSharing = 100_000;

    /// <summary>Rows of an item of the row-wise ops.</summary>
    private const int RowsOfItem = 8;

    public override SimdWidth Width => width;

    public override void RmsNorm(FloatBuffer x, FloatBuffer? gain, float eps, FloatBuffer y, int rows, int width)
    {
        float* source = Floats(x).Pointer, gains = gain is null ? null : Floats(gain).Pointer, target = Floats(y).Pointer;
        ForRows(rows, width, row => RowOps<T>.RmsNorm(source + ((long)row * width), gains, eps, target + ((long)row * width), width));
    }

    public override void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        var target = Rows(y);
        target.Begin(rows, width, bits);
        var source = Floats(x).Pointer;
        var stride = target.Stride;
        if (bits == 16)
        {
            var floats = target.Floats();
            ForRows(rows, width, row =>
            {
                var padded = new Span<float>(floats + ((long)row * stride), stride);
                new Span<float>(source + ((long)row * width), width).CopyTo(padded);
                padded[width..].Clear();
            });
            return;
        }

        sbyte* codes = target.Codes;
        float* scales = target.Scales;
        ForRows(rows, width, row => scales[row] =
            RowQuantizer<T>.Quantize(source + ((long)row * width), width, bits, clip, codes + ((long)row * stride), stride));
    }

    public override void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate)
    {
        var (rows, linear) = (Rows(x), (CpuLinear)w);
        var target = Floats(y).Pointer;
        var parallel = (long)rows.Rows * linear.InFeatures * linear.OutFeatures > WorthSharing;
        fixed (float* pinned = linear.Bias)
        {
            // A worker's item takes the copy: the fixed variable itself may not be captured.
            var bias = pinned;
            switch (linear)
            {
                case Int4Linear packed when rows.Bits < 16:
                    var int4 = new Int4Gemm<T, TBytes>(rows, packed, target, bias, accumulate);
                    Workers.Run(linear.Panels, parallel, (panel, _) => int4.Panel(panel));
                    break;
                case Int8Linear packed when rows.Bits < 16:
                    var int8 = new Int8Gemm<T, TBytes>(rows, packed, target, bias, accumulate);
                    Workers.Run(linear.Panels, parallel, (panel, _) => int8.Panel(panel));
                    break;
                default:
                    var floats = new FloatGemm<T>(rows, linear, target, accumulate);
                    Workers.Run(linear.Panels, parallel,
                        (panel, worker) => floats.Panel(panel, (float*)Workers.Scratch(worker, floats.ScratchBytes)));
                    break;
            }
        }
    }

    public override void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads)
    {
        float* source = Floats(x).Pointer, cos = Floats(table.Cos).Pointer, sin = Floats(table.Sin).Pointer;
        var (dim, half) = (table.HeadDim, table.HeadDim / 2);
        for (var i = 0; i < positions.Length * heads; i++)
        {
            var at = (long)positions[i / heads] * half;
            RowOps<T>.ApplyRope(source + ((long)i * dim), cos + at, sin + at, half);
        }
    }

    public override void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape)
    {
        var source = Floats(x).Pointer;
        var size = shape.Size * shape.Inner;
        var simd = CpuHadamard<T>.Supports(shape);
        Workers.Run(rows, (long)rows * shape.Width > WorthSharing, (row, worker) =>
        {
            var scratch = (float*)Workers.Scratch(worker, (long)size * sizeof(float));
            for (var block = source + ((long)row * shape.Width); block < source + ((row + 1L) * shape.Width); block += size)
            {
                if (simd)
                {
                    CpuHadamard<T>.Block(block, shape, scratch);
                }
                else
                {
                    Reference.Hadamard.Block(new Span<float>(block, size), shape);
                }
            }
        });
    }

    public override void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch)
    {
        var (host, layout) = (Cache(cache), cache.Layout);
        float* keys = Floats(k).Pointer, values = Floats(v).Pointer;
        ForRows(batch.Rows, 8L * layout.KvHeads * layout.HeadDim, row =>
        {
            var (page, slot) = batch.PageAndSlot(row);
            byte* keyPlane = host.Plane(layer, page, value: false), valuePlane = host.Plane(layer, page, value: true);
            for (var head = 0; head < layout.KvHeads; head++)
            {
                var at = (((long)row * layout.KvHeads) + head) * layout.HeadDim;
                KvTile<T>.Store(keys + at, keyPlane, layout, layout.KeyBits, head, slot);
                KvTile<T>.Store(values + at, valuePlane, layout, layout.ValueBits, head, slot);
            }
        });
    }

    public override void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o)
    {
        var kvHeads = cache.Layout.KvHeads;
        var attention = new CpuAttention<T>(Cache(cache), layer, batch, heads, Floats(q).Pointer, Floats(o).Pointer);
        var blocks = AttentionBlock.Cut(batch);
        var work = batch.Positions.Sum(position => (long)position + 1) * heads * cache.Layout.HeadDim * 2;
        Workers.Run(blocks.Count * kvHeads, work > WorthSharing, (item, worker) =>
        {
            var block = blocks[item / kvHeads];
            attention.Run(block, item % kvHeads, (float*)Workers.Scratch(worker, sizeof(float) * (long)attention.ScratchFloats(block)));
        });
    }

    public override void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count)
    {
        const int Part = 4096;
        float* gates = Floats(gate).Pointer, ups = Floats(up).Pointer, target = Floats(u).Pointer;
        Workers.Run(checked((int)((count + Part - 1) / Part)), count > WorthSharing / 4, (part, _) =>
        {
            var start = (long)part * Part;
            RowOps<T>.SiluAndMul(gates + start, ups + start, target + start, Math.Min(Part, count - start));
        });
    }

    private void ForRows(int rows, long elements, Action<int> body) =>
        Workers.Run((rows + RowsOfItem - 1) / RowsOfItem, rows * elements > WorthSharing, (item, _) =>
        {
            for (var row = item * RowsOfItem; row < Math.Min(rows, (item + 1) * RowsOfItem); row++)
            {
                body(row);
            }
        });
}
