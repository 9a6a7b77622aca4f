using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>A linear layer or embedding in device memory: rows as in the checkpoint, padded with zeros to a multiple of 64 columns.</summary>
internal sealed class GpuLinear : PackedLinear
{
    private readonly OwnedMemory _owned = new();

    public GpuLinear(GpuDevice device, LinearWeights source)
        : base(source)
    {
        LinearWeightsCheck.Require(source);
        Format = source.Format;
        Pitch = Format == WeightFormat.Int4 ? GpuRows.Pad(InFeatures) / 2 : source.RowBytes / InFeatures * GpuRows.Pad(InFeatures);
        try
        {
            Data = _owned.Add(device.Allocate((long)Pitch * OutFeatures, Name));
            Copy(source);
            Scales = source.Scales.Length > 0 ? Upload(device, source.Scales, "scales") : null;
            Bias = source.Bias is { } bias ? Upload(device, bias, "bias") : null;
        }
        catch
        {
            // A layer that does not fit gives back what it took; the caller hears why.
            Dispose();
            throw;
        }
    }

    public WeightFormat Format { get; }

    public bool IsInteger => Format is WeightFormat.Int4 or WeightFormat.Int8;

    /// <summary>Bytes from one row to the next.</summary>
    public int Pitch { get; }

    /// <summary>[out, pitch]</summary>
    public DeviceMemory Data { get; }

    /// <summary>[out, groups], integer formats only.</summary>
    public DeviceMemory? Scales { get; }

    /// <summary>[out]</summary>
    public DeviceMemory? Bias { get; }

    public override long Bytes => _owned.Bytes;

    public override void Dispose() => _owned.Dispose();

    private DeviceMemory Upload(GpuDevice device, float[] values, string what)
    {
        var memory = _owned.Add(device.Allocate(values.Length * sizeof(float), $"{Name}, {what}"));
        memory.Write<float>(values);
        return memory;
    }

    // Straight from the mapped file where its rows need no padding.
    private void Copy(LinearWeights source)
    {
        var bytes = source.Data.Span;
        var row = source.RowBytes;
        if (row == Pitch)
        {
            Data.Write(bytes);
            return;
        }

        Data.Fill(0);
        var rowsAtOnce = Math.Max(1, (16 << 20) / Pitch);
        var staged = new byte[rowsAtOnce * Pitch];
        for (var first = 0; first < OutFeatures; first += rowsAtOnce)
        {
            var count = Math.Min(rowsAtOnce, OutFeatures - first);
            for (var i = 0; i < count; i++)
            {
                bytes.Slice((first + i) * row, row).CopyTo(staged.AsSpan(i * Pitch));
            }

            Data.Write<byte>(staged.AsSpan(0, count * Pitch), (long)first * Pitch);
        }
    }

    private sealed class OwnedMemory : IDisposable
    {
        private readonly List<DeviceMemory> _all = [];

        public long Bytes => _all.Sum(memory => memory.Bytes);

        public DeviceMemory Add(DeviceMemory memory)
        {
            _all.Add(memory);
            return memory;
        }

        public void Dispose() => _all.ForEach(memory => memory.Dispose());
    }
}
