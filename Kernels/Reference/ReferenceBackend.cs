using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Host;
using QuaRot.Kernels.Numerics;

namespace QuaRot.Kernels.Reference;

/// <summary>Every op as plain loops: the oracle for the fast backends, and far too slow to serve with.</summary>
public sealed class ReferenceBackend : HostBackend
{
    /// <inheritdoc/>
    public override string Name => "reference";

    /// <inheritdoc/>
    public override PackedLinear LoadLinear(LinearWeights weights) => new ReferenceLinear(weights);

    /// <inheritdoc/>
    public override void RmsNorm(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, FloatBuffer y, int rows, int width)
    {
        var gains = gain is null ? [] : Floats(gain).Slice(0, width);
        var biases = bias is null ? [] : Floats(bias).Slice(0, width);
        for (var row = 0; row < rows; row++)
        {
            Reference.RmsNorm.Row(Row(x, row, width), gains, biases, eps, Row(y, row, width));
        }
    }

    /// <inheritdoc/>
    public override unsafe void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        var target = Rows(y);
        target.Begin(rows, width, bits);
        for (var row = 0; row < rows; row++)
        {
            var start = (long)row * target.Stride;
            if (bits == 16)
            {
                var floats = new Span<float>(target.Floats() + start, target.Stride);
                Row(x, row, width).CopyTo(floats);
                floats[width..].Clear();
                continue;
            }

            var codes = new Span<sbyte>(target.Codes + start, target.Stride);
            target.Scales[row] = Reference.QuantizePerToken.Row(Row(x, row, width), bits, clip, codes[..width]);
            codes[width..].Clear();
        }
    }

    /// <inheritdoc/>
    public override void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate) =>
        Reference.Gemm.Run(Rows(x), (ReferenceLinear)w, Floats(y), accumulate);

    /// <inheritdoc/>
    public override void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads)
    {
        var half = table.HeadDim / 2;
        for (var i = 0; i < positions.Length * heads; i++)
        {
            var at = (long)positions[i / heads] * half;
            Reference.ApplyRope.Head(Row(x, i, table.HeadDim), Floats(table.Cos).Slice(at, half), Floats(table.Sin).Slice(at, half));
        }
    }

    /// <inheritdoc/>
    public override void HadamardTransform(FloatBuffer x, int rows, HadamardShape shape)
    {
        for (var block = 0; block < rows * shape.Blocks; block++)
        {
            Hadamard.Block(Row(x, block, shape.Size * shape.Inner), shape);
        }
    }

    /// <inheritdoc/>
    public override unsafe void HadamardQuantize(FloatBuffer x, QuantizedRows y, int rows, HadamardShape shape, int bits, float clip)
    {
        shape.RequireFixedPoint();
        var (target, width) = (Rows(y), shape.Width);
        target.Begin(rows, width, bits);
        for (var row = 0; row < rows; row++)
        {
            var codes = new Span<sbyte>(target.Codes + ((long)row * target.Stride), target.Stride);
            target.Scales[row] = Reference.HadamardQuantize.Row(Row(x, row, width), shape, bits, clip, codes[..width]);
            codes[width..].Clear();
        }
    }

    /// <inheritdoc/>
    public override void AppendPagedKvCache(FloatBuffer k, FloatBuffer v, KvCache cache, int layer, ForwardBatch batch)
    {
        var layout = cache.Layout;
        for (var row = 0; row < batch.Rows; row++)
        {
            var (page, slot) = batch.PageAndSlot(row);
            for (var head = 0; head < layout.KvHeads; head++)
            {
                var index = (row * layout.KvHeads) + head;
                Store(k, layout.KeyBits, value: false);
                Store(v, layout.ValueBits, value: true);

                void Store(FloatBuffer x, int bits, bool value) => KvQuantizer.Store(
                    Row(x, index, layout.HeadDim), Plane(cache, layer, page, value), layout, bits, head, slot);
            }
        }
    }

    /// <inheritdoc/>
    public override void Attention(FloatBuffer q, KvCache cache, int layer, ForwardBatch batch, int heads, FloatBuffer o)
    {
        var layout = cache.Layout;
        var integers = new IntegerAttention(layout, (page, value) => Plane(cache, layer, page, value));
        var floats = new Attention(layout, (page, value) => Plane(cache, layer, page, value));
        for (var i = 0; i < batch.Rows * heads; i++)
        {
            var (row, kvHead) = (i / heads, i % heads / (heads / layout.KvHeads));
            var (position, table) = (batch.Positions[row], batch.BlockTables[batch.SequenceOfRow[row]]);
            if (layout.IsInteger)
            {
                integers.Run(Row(q, i, layout.HeadDim), kvHead, position, table, Row(o, i, layout.HeadDim));
            }
            else
            {
                floats.Run(Row(q, i, layout.HeadDim), kvHead, position, table, Row(o, i, layout.HeadDim));
            }
        }
    }

    /// <inheritdoc/>
    public override void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count)
    {
        for (var i = 0L; i < count; i++)
        {
            Floats(u).Slice(i, 1)[0] = FloatMath.Silu(Floats(gate).Slice(i, 1)[0]) * Floats(up).Slice(i, 1)[0];
        }
    }

    private static Span<float> Row(FloatBuffer x, int row, int width) => Floats(x).Slice((long)row * width, width);

    private static unsafe Span<byte> Plane(KvCache cache, int layer, int page, bool value) =>
        new(Cache(cache).Plane(layer, page, value), cache.Layout.PlaneBytes(value ? cache.Layout.ValueBits : cache.Layout.KeyBits));
}
