using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>What is done to one row.</summary>
internal interface IRowWork
{
    void Row(int row, int worker);
}

/// <summary>Neighbouring rows as items of a loop.</summary>
internal readonly struct RowWork<TRow>(TRow body, int rows) : IWork
    where TRow : struct, IRowWork
{
    private const int RowsOfItem = 8;

    private readonly TRow _body = body;
    private readonly int _rows = rows;

    public int Items => (_rows + RowsOfItem - 1) / RowsOfItem;

    public void Run(int item, int worker)
    {
        for (var row = item * RowsOfItem; row < Math.Min(_rows, (item + 1) * RowsOfItem); row++)
        {
            _body.Row(row, worker);
        }
    }
}

/// <summary>rms_norm of [rows, width].</summary>
internal readonly unsafe struct RmsNormRows<T>(float* x, float* gain, float* bias, float eps, float* y, int width) : IRowWork
    where T : unmanaged, ILanes<T>
{
    private readonly float* _x = x, _gain = gain, _bias = bias, _y = y;
    private readonly float _eps = eps;
    private readonly int _width = width;

    public void Row(int row, int worker)
    {
        var at = (long)row * _width;
        RowOps<T>.RmsNorm(_x + at, _gain, _bias, _eps, _y + at, _width);
    }
}

/// <summary>quantize_per_token of [rows, width]; 16 bits copy the floats.</summary>
internal readonly unsafe struct QuantizeRows<T>(float* x, HostRows y, float clip) : IRowWork
    where T : unmanaged, ILanes<T>
{
    private readonly float* _x = x, _scales = y.Scales, _floats = y.Bits == 16 ? y.Floats() : null;
    private readonly sbyte* _codes = y.Codes;
    private readonly int _width = y.Width, _stride = y.Stride, _bits = y.Bits;
    private readonly float _clip = clip;

    public void Row(int row, int worker)
    {
        var source = _x + ((long)row * _width);
        var at = (long)row * _stride;
        if (_floats == null)
        {
            _scales[row] = RowQuantizer<T>.Quantize(source, _width, _bits, _clip, _codes + at, _stride);
            return;
        }

        var padded = new Span<float>(_floats + at, _stride);
        new Span<float>(source, _width).CopyTo(padded);
        padded[_width..].Clear();
    }
}

/// <summary>apply_rope of [rows, heads, head_dim].</summary>
internal readonly unsafe struct RopeRows<T>(float* x, float* cos, float* sin, int* positions, int heads, int half) : IRowWork
    where T : unmanaged, ILanes<T>
{
    private readonly float* _x = x, _cos = cos, _sin = sin;
    private readonly int* _positions = positions;
    private readonly int _heads = heads, _half = half;

    public void Row(int row, int worker)
    {
        var at = (long)_positions[row] * _half;
        for (var head = 0; head < _heads; head++)
        {
            RowOps<T>.ApplyRope(_x + (((long)row * _heads) + head) * 2 * _half, _cos + at, _sin + at, _half);
        }
    }
}

/// <summary>hadamard_transform of [rows, width].</summary>
internal readonly unsafe struct HadamardRows<T>(WorkerPool workers, float* x, HadamardShape shape) : IRowWork
    where T : unmanaged, ILanes<T>
{
    private readonly WorkerPool _workers = workers;
    private readonly float* _x = x;
    private readonly HadamardShape _shape = shape;

    public void Row(int row, int worker)
    {
        var size = _shape.Size * _shape.Inner;
        var scratch = (float*)_workers.Scratch(worker, (long)size * sizeof(float));
        var end = _x + ((row + 1L) * _shape.Width);
        for (var block = _x + ((long)row * _shape.Width); block < end; block += size)
        {
            if (CpuHadamard<T>.Supports(_shape))
            {
                CpuHadamard<T>.Block(block, _shape, scratch);
            }
            else
            {
                Reference.Hadamard.Block(new Span<float>(block, size), _shape);
            }
        }
    }
}

/// <summary>hadamard_quantize of [rows, width].</summary>
internal readonly unsafe struct HadamardQuantizeRows<T, TBytes>(WorkerPool workers, float* x, HostRows y, HadamardShape shape, float clip)
    : IRowWork
    where T : unmanaged, ILanes<T>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private readonly WorkerPool _workers = workers;
    private readonly float* _x = x, _scales = y.Scales;
    private readonly sbyte* _codes = y.Codes;
    private readonly int _width = y.Width, _stride = y.Stride, _bits = y.Bits;
    private readonly HadamardShape _shape = shape;
    private readonly float _clip = clip;

    public void Row(int row, int worker)
    {
        var source = _x + ((long)row * _width);
        var codes = _codes + ((long)row * _stride);
        if (CpuHadamard<T>.Supports(_shape))
        {
            var scratch = _workers.Scratch(worker, HadamardQuantizer<T, TBytes>.ScratchBytes(_shape));
            _scales[row] = HadamardQuantizer<T, TBytes>.Row(source, _shape, _bits, _clip, codes, _stride, scratch);
            return;
        }

        _scales[row] = Reference.HadamardQuantize.Row(new(source, _width), _shape, _bits, _clip, new(codes, _width));
        new Span<sbyte>(codes + _width, _stride - _width).Clear();
    }
}

/// <summary>append_paged_kv_cache of [rows, kv_heads, head_dim].</summary>
internal readonly unsafe struct AppendRows<T>(float* keys, float* values, HostKvCache cache, int layer, ForwardBatch batch) : IRowWork
    where T : unmanaged, ILanes<T>
{
    private readonly float* _keys = keys, _values = values;
    private readonly HostKvCache _cache = cache;
    private readonly int _layer = layer;
    private readonly ForwardBatch _batch = batch;

    public void Row(int row, int worker)
    {
        var layout = _cache.Layout;
        var (page, slot) = _batch.PageAndSlot(row);
        byte* keyPlane = _cache.Plane(_layer, page, value: false), valuePlane = _cache.Plane(_layer, page, value: true);
        for (var head = 0; head < layout.KvHeads; head++)
        {
            var at = (((long)row * layout.KvHeads) + head) * layout.HeadDim;
            KvTile<T>.Store(_keys + at, keyPlane, layout, layout.KeyBits, head, slot);
            KvTile<T>.Store(_values + at, valuePlane, layout, layout.ValueBits, head, slot);
        }
    }
}

/// <summary>silu_and_mul, cut into runs of elements.</summary>
internal readonly unsafe struct SiluParts<T>(float* gate, float* up, float* u, long count) : IWork
    where T : unmanaged, ILanes<T>
{
    private const int Part = 2048;

    private readonly float* _gate = gate, _up = up, _u = u;
    private readonly long _count = count;

    public int Items => checked((int)((_count + Part - 1) / Part));

    public void Run(int item, int worker)
    {
        var start = (long)item * Part;
        RowOps<T>.SiluAndMul(_gate + start, _up + start, _u + start, Math.Min(Part, _count - start));
    }
}
