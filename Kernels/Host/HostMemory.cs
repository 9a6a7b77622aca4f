using System.Runtime.InteropServices;

namespace QuaRot.Kernels.Host;

/// <summary>Zeroed native memory on a cache line, so that kernels can hold pointers and a cache may pass 2 GB.</summary>
/// <remarks>Without a finalizer on purpose: kernels work on raw pointers, which would not keep the owner alive.</remarks>
internal sealed unsafe partial class HostMemory : IDisposable
{
    private const int Alignment = 64;
    private const int HugePage = 2 << 20;

    /// <summary>From here huge pages are asked for: reading gigabytes through pages of 4 KB waits for the page table.</summary>
    private const long FewestHugeBytes = 2L * HugePage;

    /// <summary>MADV_HUGEPAGE</summary>
    private const int AdviseHugePages = 14;

    private void* _block;
    private byte* _pointer;

    /// <summary>Allocates <paramref name="bytes"/> zeroed bytes, plus one cache line that vector loads may run into.</summary>
    /// <remarks>The system hands out zeroed pages when they are first touched, so that an unused KV page costs nothing yet.</remarks>
    public HostMemory(long bytes)
    {
        Bytes = bytes;
        var isHuge = bytes >= FewestHugeBytes && OperatingSystem.IsLinux();
        var alignment = isHuge ? HugePage : Alignment;
        _block = NativeMemory.AllocZeroed(checked((nuint)(bytes + Alignment + alignment)));
        _pointer = (byte*)(((nuint)_block + (nuint)alignment - 1) & ~(nuint)(alignment - 1));
        if (isHuge)
        {
            // A wish: where the system does not grant it, everything works as before.
            _ = Advise(_pointer, (nuint)bytes & ~(nuint)(HugePage - 1), AdviseHugePages);
        }
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

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_block);
        _block = null;
        _pointer = null;
    }
}
