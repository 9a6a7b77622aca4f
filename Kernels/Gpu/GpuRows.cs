using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary><see cref="QuantizedRows"/> in device memory. Rows are padded with zeros to <see cref="Stride"/> elements.</summary>
internal sealed class GpuRows : QuantizedRows
{
    /// <summary>Rows are padded to a multiple of it: a step of the tensor core GEMM, and whole 16-byte vectors.</summary>
    public const int Unit = 64;

    private readonly GpuDevice _device;
    private DeviceMemory? _floats;
    private bool _floatsAreCurrent;

    public GpuRows(GpuDevice device, int maxRows, int maxWidth)
        : base(maxRows, maxWidth)
    {
        _device = device;
        Codes = device.Allocate((long)maxRows * Pad(maxWidth), $"quantized activations [{maxRows}, {maxWidth}]");
        Scales = device.Allocate((long)maxRows * sizeof(float), $"scales of {maxRows} rows");
    }

    /// <summary>Elements from one row to the next.</summary>
    public int Stride => Pad(Width);

    /// <summary>[rows, stride] signed bytes at 3 to 8 bits.</summary>
    public DeviceMemory Codes { get; }

    /// <summary>[rows] at 3 to 8 bits.</summary>
    public DeviceMemory Scales { get; }

    /// <summary>[rows, stride] floats, to be filled at 16 bits.</summary>
    public DeviceMemory FloatStorage =>
        _floats ??= _device.Allocate((long)MaxRows * Pad(MaxWidth) * sizeof(float), $"float activations [{MaxRows}, {MaxWidth}]");

    public static int Pad(int width) => (width + Unit - 1) / Unit * Unit;

    /// <summary>Starts new contents; the caller fills them, padding included.</summary>
    public void Begin(int rows, int width, int bits)
    {
        SetShape(rows, width, bits);
        _floatsAreCurrent = bits == 16;
    }

    /// <summary>[rows, stride]: the row itself at 16 bits, else (float)code·scale.</summary>
    public DeviceMemory Floats()
    {
        if (!_floatsAreCurrent)
        {
            _device.Launch("dequantize_rows", LaunchGrid.Blocks(Rows, 256), 0, Codes, Scales, FloatStorage, Stride);
            _floatsAreCurrent = true;
        }

        return FloatStorage;
    }

    public override void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
        _floats?.Dispose();
    }
}
