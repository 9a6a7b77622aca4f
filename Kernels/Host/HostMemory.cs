using System.Runtime.InteropServices;

namespace QuaRot.Kernels.Host;

/// <summary>Zeroed native memory on a cache line, so that kernels can hold pointers and a cache may pass 2 GB.</summary>
/// <remarks>Without a finalizer on purpose: kernels work on raw pointers, which would not keep the owner alive.</remarks>
internal sealed unsafe class HostMemory : IDisposable
{
    private const int Alignment = 64;

    private byte* _pointer;

    /// <summary>Allocates <paramref name="bytes"/> zeroed bytes, plus one cache line that vector loads may run into.</summary>
    public HostMemory(long bytes)
    {
        Bytes = bytes;
        var size = checked((nuint)(bytes + Alignment));
        _pointer = (byte*)NativeMemory.AlignedAlloc(size, Alignment);
        NativeMemory.Clear(_pointer, size);
    }

    /// <summary>Usable bytes.</summary>
    public long Bytes { get; }

    /// <summary>The first byte.</summary>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer == null, this);
            return _pointer;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }
}
