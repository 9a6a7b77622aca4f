using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Tests.Ops;

/// <summary>Runs an op that quantizes, and reads what it made.</summary>
internal static class QuantizedData
{
    /// <summary>Scales, then codes (or floats) with their padding; what was there before is poison.</summary>
    public static float[] Of(Backend backend, float[] input, int rows, int width, Action<FloatBuffer, QuantizedRows> op)
    {
        using var x = backend.Upload(input);
        using var y = backend.AllocateRows(rows + 1, width + 70);
        Poison(y, rows * width);
        op(x, y);
        return y is GpuRows gpu ? Read(gpu) : Read((HostRows)y);
    }

    private static unsafe void Poison(QuantizedRows rows, int count)
    {
        if (rows is GpuRows gpu)
        {
            gpu.Codes.Fill(0x77);
        }
        else
        {
            new Span<byte>(((HostRows)rows).Codes, count).Fill(0x77);
        }
    }

    private static unsafe float[] Read(HostRows y)
    {
        var count = y.Rows * y.Stride;
        return y.Bits == 16
            ? [.. new Span<float>(y.Floats(), count)]
            : [.. new Span<float>(y.Scales, y.Rows), .. new Span<sbyte>(y.Codes, count).ToArray().Select(code => (float)code)];
    }

    private static float[] Read(GpuRows y)
    {
        var values = new float[y.Rows * y.Stride];
        if (y.Bits == 16)
        {
            y.Floats().Read<float>(values);
            return values;
        }

        var (scales, codes) = (new float[y.Rows], new sbyte[values.Length]);
        y.Scales.Read<float>(scales);
        y.Codes.Read<sbyte>(codes);
        return [.. scales, .. codes.Select(code => (float)code)];
    }
}
