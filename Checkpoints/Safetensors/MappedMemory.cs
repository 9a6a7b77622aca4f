using System.Buffers;

namespace QuaRot.Checkpoints.Safetensors;

/// <summary>
/// A stretch of a mapped file as <see cref="Memory{T}"/>; asking for its span after the file was disposed throws instead of crashing.
/// </summary>
internal sealed unsafe class MappedMemory(SafetensorsFile owner, byte* start, int length) : MemoryManager<byte>
{
    public override Span<byte> GetSpan()
    {
        owner.ThrowIfDisposed();
        return new Span<byte>(start, length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        owner.ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)length);
        return new MemoryHandle(start + elementIndex, pinnable: this);
    }

    // Mapped memory never moves, so there is nothing to undo.
    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
