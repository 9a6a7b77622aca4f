using System.Runtime.InteropServices;

namespace QuaRot.Kernels.Gpu;

/// <summary>Tells Hopper's copy engine of a matrix of bytes: boxes of 128 columns and 64 rows, laid out for wgmma (128-byte swizzle).</summary>
/// <remarks>Made on the device's thread: the driver wants the context. ManagedCuda's own import is of no use: the driver wants the map at a multiple of 64 bytes.</remarks>
internal sealed unsafe class TensorMap
{
    private const int Size = 128;
    private const int UInt8 = 0;
    private const int Swizzle128B = 3;
    private const int Promote256B = 3;

    /// <summary>Describes [rows, columns] bytes at <paramref name="address"/>.</summary>
    /// <exception cref="GpuException">The driver is too old, or the sizes do not suit it.</exception>
    public TensorMap(ulong address, int rows, int columns)
    {
        var map = (byte*)NativeMemory.AlignedAlloc(Size, 64);
        try
        {
            var size = stackalloc ulong[] { (ulong)columns, (ulong)rows };
            var stride = stackalloc ulong[] { (ulong)columns };
            var box = stackalloc uint[] { 128, 64 };
            var step = stackalloc uint[] { 1, 1 };
            var result = Encode()(map, UInt8, 2, address, size, stride, box, step, 0, Swizzle128B, Promote256B, 0);
            Bytes = result == 0
                ? new ReadOnlySpan<byte>(map, Size).ToArray()
                : throw new GpuException($"a tensor map of [{rows}, {columns}] bytes: the driver answers {result}");
        }
        finally
        {
            NativeMemory.AlignedFree(map);
        }
    }

    /// <summary>The driver's 128 bytes.</summary>
    public byte[] Bytes { get; }

    private static delegate* unmanaged<byte*, int, uint, ulong, ulong*, ulong*, uint*, uint*, int, int, int, int, int> Encode()
    {
        return (delegate* unmanaged<byte*, int, uint, ulong, ulong*, ulong*, uint*, uint*, int, int, int, int, int>)
            NativeLibrary.GetExport(CudaLibraries.LoadDriver(), "cuTensorMapEncodeTiled");
    }
}
