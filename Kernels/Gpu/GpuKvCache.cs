using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Gpu;

/// <summary>A <see cref="KvCache"/> in device memory.</summary>
internal sealed class GpuKvCache : KvCache
{
    public GpuKvCache(GpuDevice device, KvLayout layout)
        : base(layout)
    {
        layout.Require();
        Memory = device.Allocate(layout.TotalBytes, $"a KV cache of {layout.PageCount} pages");
        Memory.Fill(0);
    }

    public DeviceMemory Memory { get; }

    public override unsafe void CopyKvBytes(int layer, int page, int slot, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)Layout.Layers, nameof(layer));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)page, (uint)Layout.PageCount, nameof(page));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)KvLayout.PageSize, nameof(slot));
        foreach (var value in (ReadOnlySpan<bool>)[false, true])
        {
            var bits = value ? Layout.ValueBits : Layout.KeyBits;
            var plane = new byte[Layout.PlaneBytes(bits)];
            Memory.Read<byte>(plane, (page * Layout.PageBytes) + Layout.PlaneOffset(layer, value));
            fixed (byte* start = plane)
            {
                destination = HostKvCache.CopySlot(Layout, start, bits, slot, destination);
            }
        }
    }

    public override void Dispose() => Memory.Dispose();

    internal override void Fill(byte value) => Memory.Fill(value);

    /// <summary>The K or V plane of a layer, as the kernels' struct Plane.</summary>
    internal LaunchArgument Plane(int layer, bool value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)Layout.Layers, nameof(layer));
        var bits = value ? Layout.ValueBits : Layout.KeyBits;
        return new((ulong)Layout.PlaneOffset(layer, value), (uint)bits | ((ulong)Layout.HeadBytes(bits) << 32));
    }
}
