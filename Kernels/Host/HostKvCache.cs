using System.Runtime.InteropServices;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Host;

/// <summary>A <see cref="KvCache"/> in host memory.</summary>
internal sealed unsafe class HostKvCache : KvCache
{
    private readonly HostMemory _memory;

    public HostKvCache(KvLayout layout)
        : base(layout)
    {
        layout.Require();
        _memory = new HostMemory(layout.TotalBytes);
    }

    /// <summary>First byte of the K or V plane of a layer in a page.</summary>
    public byte* Plane(int layer, int page, bool value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)Layout.Layers, nameof(layer));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)page, (uint)Layout.PageCount, nameof(page));
        return _memory.Pointer + (page * Layout.PageBytes) + Layout.PlaneOffset(layer, value);
    }

    public override void CopyKvBytes(int layer, int page, int slot, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)KvLayout.PageSize, nameof(slot));
        var rest = CopySlot(Layout, Plane(layer, page, value: false), Layout.KeyBits, slot, destination);
        CopySlot(Layout, Plane(layer, page, value: true), Layout.ValueBits, slot, rest);
    }

    public override void Dispose() => _memory.Dispose();

    internal override void Fill(byte value) => NativeMemory.Fill(_memory.Pointer, (nuint)_memory.Bytes, value);

    /// <summary>Copies what one plane holds for a slot; returns the rest of <paramref name="destination"/>.</summary>
    public static Span<byte> CopySlot(KvLayout layout, byte* plane, int bits, int slot, Span<byte> destination)
    {
        var size = layout.HeadBytes(bits);
        for (var head = 0; head < layout.KvHeads; head++)
        {
            new ReadOnlySpan<byte>(plane + layout.CodeOffset(bits, head, slot), size).CopyTo(destination);
            destination = destination[size..];
        }

        // Scales by head, then minima by head: they lie as one run of 2·kv_heads "heads".
        for (var head = 0; bits <= 8 && head < 2 * layout.KvHeads; head++)
        {
            new ReadOnlySpan<byte>(plane + layout.ScaleOffset(bits, head, slot), 2).CopyTo(destination);
            destination = destination[2..];
        }

        return destination;
    }
}
