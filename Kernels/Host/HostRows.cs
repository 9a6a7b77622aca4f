using System.Numerics;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Host;

/// <summary><see cref="QuantizedRows"/> in host memory. Rows are padded with zeros to <see cref="Stride"/> elements.</summary>
internal sealed unsafe class HostRows : QuantizedRows
{
    /// <summary>Rows are padded to a multiple of it: a 512-bit vector of codes.</summary>
    public const int Unit = 64;

    private readonly HostMemory _codes;
    private readonly HostMemory _scales;
    private HostMemory? _floats;
    private HostMemory? _shorts;
    private HostMemory? _groupSums;
    private bool _floatsAreCurrent;
    private bool _shortsAreCurrent;
    private int _summedGroupSize;

    public HostRows(int maxRows, int maxWidth)
        : base(maxRows, maxWidth)
    {
        _codes = new HostMemory((long)maxRows * Pad(maxWidth));
        _scales = new HostMemory((long)maxRows * sizeof(float));
    }

    /// <summary>Elements from one row to the next.</summary>
    public int Stride => Pad(Width);

    /// <summary>[rows, stride] at 3 to 8 bits.</summary>
    public sbyte* Codes => (sbyte*)_codes.Pointer;

    /// <summary>[rows] at 3 to 8 bits.</summary>
    public float* Scales => (float*)_scales.Pointer;

    /// <summary>Starts new contents; the caller fills them, padding included.</summary>
    public void Begin(int rows, int width, int bits)
    {
        SetShape(rows, width, bits);
        _floatsAreCurrent = bits == 16;
        _shortsAreCurrent = false;
        _summedGroupSize = 0;
    }

    /// <summary>[rows, stride]: the row itself at 16 bits, else (float)code·scale.</summary>
    public float* Floats()
    {
        _floats ??= new HostMemory((long)MaxRows * Pad(MaxWidth) * sizeof(float));
        var floats = (float*)_floats.Pointer;
        if (!_floatsAreCurrent)
        {
            for (var row = 0; row < Rows; row++)
            {
                for (var k = 0; k < Stride; k++)
                {
                    var at = ((long)row * Stride) + k;
                    floats[at] = Codes[at] * Scales[row];
                }
            }

            _floatsAreCurrent = true;
        }

        return floats;
    }

    /// <summary>[rows, stride]: the codes, widened.</summary>
    public short* Shorts()
    {
        _shorts ??= new HostMemory((long)MaxRows * Pad(MaxWidth) * sizeof(short));
        var shorts = (short*)_shorts.Pointer;
        for (var i = 0L; i < (long)Rows * Stride && !_shortsAreCurrent; i += Vector<sbyte>.Count)
        {
            Vector.Widen(Vector.Load(Codes + i), out var low, out var high);
            low.Store(shorts + i);
            high.Store(shorts + i + Vector<short>.Count);
        }

        _shortsAreCurrent = true;
        return shorts;
    }

    /// <summary>[rows, groups]: the codes of each group added up. Groups are multiples of <see cref="Unit"/>, or the whole row.</summary>
    public int* GroupSums(int groupSize)
    {
        var groups = Width / groupSize;
        _groupSums ??= new HostMemory((long)MaxRows * (Pad(MaxWidth) / Unit) * sizeof(int));
        var sums = (int*)_groupSums.Pointer;
        for (var i = 0; i < Rows * groups && _summedGroupSize != groupSize; i++)
        {
            var (row, group) = Math.DivRem(i, groups);
            var start = ((long)row * Stride) + ((long)group * groupSize);
            sums[i] = 0;
            for (var k = 0; k < groupSize; k += Unit)
            {
                sums[i] += SumUnit(Codes + start + k);
            }
        }

        _summedGroupSize = groupSize;
        return sums;
    }

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
        _floats?.Dispose();
        _shorts?.Dispose();
        _groupSums?.Dispose();
    }

    /// <summary>At most 64·128 in size, so that the int16 lanes hold any part of it.</summary>
    private static int SumUnit(sbyte* codes)
    {
        var sum = Vector<short>.Zero;
        for (var k = 0; k < Unit; k += Vector<sbyte>.Count)
        {
            Vector.Widen(Vector.Load(codes + k), out var low, out var high);
            sum += low + high;
        }

        return Vector.Sum(sum);
    }

    private static int Pad(int width) => (width + Unit - 1) / Unit * Unit;
}
