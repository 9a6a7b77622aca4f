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
    private bool _floatsAreCurrent;

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

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
        _floats?.Dispose();
    }

    private static int Pad(int width) => (width + Unit - 1) / Unit * Unit;
}
