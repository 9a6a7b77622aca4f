using System.Runtime.InteropServices;

namespace QuaRot.Kernels.Host;

/// <summary>Zeroed native memory on a cache line, so that kernels can hold pointers and a cache may pass 2 GB.</summary>
/// <remarks>Without a finalizer on purpose: kernels work on raw pointers, which would not keep the owner alive.</remarks>
internal sealed unsafe class HostMemory : IDisposable
{
    private const int Alignment = 64;

    private void* _block;
    private byte* _pointer;

    /// <summary>Allocates <paramref name="bytes"/> zeroed bytes, plus one cache line that vector loads may run into.</summary>
    /// <remarks>The system hands out zeroed pages when they are first touched, so that an unused KV page costs nothing yet.</remarks>
    public HostMemory(long bytes)
    {
        Bytes = bytes;
        _block = NativeMemory.AllocZeroed(checked((nuint)(bytes + (2 * Alignment))));
        _pointer = (byte*)(((nuint)_block + Alignment - 1) & ~(nuint)(Alignment - 1));
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
        NativeMemory.Free(_block);
        _block = null;
        _pointer = null;
    }
}
