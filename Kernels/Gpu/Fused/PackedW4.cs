using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>One or more INT4 linear layers over the same input as one matrix, in the layout that the w4a4 kernels share (w4_layout.cuh, ADR 15).</summary>
internal sealed class PackedW4 : IDisposable
{
    private const int BlocksOfRepack = 1024;
    private readonly DeviceMemory _data, _scales;
    private readonly DeviceMemory? _bias;

    private PackedW4(string name, int outFeatures, int inFeatures, int groups, DeviceMemory data, DeviceMemory scales, DeviceMemory? bias)
    {
        (Name, OutFeatures, InFeatures, Groups) = (name, outFeatures, inFeatures, groups);
        (_data, _scales, _bias) = (data, scales, bias);
    }

    /// <summary>Names of its tensors.</summary>
    public string Name { get; }

    /// <summary>Channels of all parts.</summary>
    public int OutFeatures { get; }

    /// <summary>Columns.</summary>
    public int InFeatures { get; }

    /// <summary>Scales of a channel.</summary>
    public int Groups { get; }

    /// <summary>2048-byte blocks [out / 64, in / 64].</summary>
    public DeviceMemory Data => _data;

    /// <summary>[groups, out] float.</summary>
    public DeviceMemory Scales => _scales;

    /// <summary>[out] float.</summary>
    public DeviceMemory? Bias => _bias;

    /// <summary>Bytes on the device.</summary>
    public long Bytes => _data.Bytes + _scales.Bytes + (_bias?.Bytes ?? 0);

    /// <summary>Uploads and repacks.</summary>
    /// <param name="device">Where.</param>
    /// <param name="interleave">Two parts, channel by channel in turn (gate and up); else one part after the other.</param>
    /// <param name="parts">INT4 layers of the same input.</param>
    /// <exception cref="GpuException">It does not fit the device's memory.</exception>
    public static PackedW4 Pack(GpuDevice device, bool interleave, params ReadOnlySpan<LinearWeights> parts)
    {
        var (inFeatures, outFeatures) = (parts[0].InFeatures, 0);
        foreach (var part in parts)
        {
            outFeatures += part.OutFeatures;
        }

        var groups = parts[0].GroupSize == 0 ? 1 : inFeatures / parts[0].GroupSize;
        var name = string.Join(", ", parts.ToArray().Select(part => part.Name));
        var owned = new List<DeviceMemory>();
        try
        {
            var data = Allocate((long)((outFeatures + 63) / 64 * 64) * inFeatures / 2, "weights");
            Repack(device, interleave, parts, data, outFeatures, inFeatures);
            var scales = Upload(Channels(interleave, parts, groups, outFeatures, part => part.Scales), "scales");
            var bias = parts.ToArray().Any(part => part.Bias is not null)
                ? Upload(Channels(interleave, parts, 1, outFeatures, part => part.Bias ?? new float[part.OutFeatures]), "biases")
                : null;
            return new PackedW4(name, outFeatures, inFeatures, groups, data, scales, bias);
        }
        catch
        {
            // A layer that does not fit gives back what it took; the caller hears why.
            owned.ForEach(memory => memory.Dispose());
            throw;
        }

        DeviceMemory Allocate(long bytes, string what)
        {
            owned.Add(device.Allocate(bytes, $"{name}, {what}"));
            return owned[^1];
        }

        DeviceMemory Upload(float[] values, string what)
        {
            var memory = Allocate(values.Length * sizeof(float), what);
            memory.Write<float>(values);
            return memory;
        }
    }

    public void Dispose()
    {
        _data.Dispose();
        _scales.Dispose();
        _bias?.Dispose();
    }

    private static void Repack(GpuDevice device, bool interleave, ReadOnlySpan<LinearWeights> parts, DeviceMemory target, int outFeatures, int inFeatures)
    {
        using var staged = device.Allocate((long)outFeatures * inFeatures / 2, "weights on their way");
        var at = 0L;
        foreach (var part in parts)
        {
            staged.Write(part.Data.Span, at);
            at += part.Data.Length;
        }

        device.Launch("w4_repack", LaunchGrid.Blocks(BlocksOfRepack, 256), 0, staged, target, outFeatures, inFeatures, interleave);
    }

    // [groups][out] of what the checkpoint has as [out][groups].
    private static float[] Channels(
        bool interleave, ReadOnlySpan<LinearWeights> parts, int groups, int outFeatures, Func<LinearWeights, float[]> valuesOf)
    {
        var result = new float[groups * outFeatures];
        var (first, step) = (0, interleave ? parts.Length : 1);
        for (var p = 0; p < parts.Length; p++)
        {
            var values = valuesOf(parts[p]);
            for (var channel = 0; channel < parts[p].OutFeatures; channel++)
            {
                for (var group = 0; group < groups; group++)
                {
                    result[(group * outFeatures) + first + (channel * step)] = values[(channel * groups) + group];
                }
            }

            first += interleave ? 1 : parts[p].OutFeatures;
        }

        return result;
    }
}
