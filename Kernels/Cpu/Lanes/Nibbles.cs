using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>Splits packed nibbles into bytes.</summary>
internal static unsafe class Nibbles
{
    /// <summary>8 bytes to 16 nibbles, the low one of each byte first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Split(byte* source)
    {
        // Each byte is widened to 16 bits; its high nibble then moves to the upper byte.
        var (pairs, _) = Vector128.Widen(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsByte());
        return ((pairs | (pairs << 4)) & Vector128.Create((ushort)0x0F0F)).AsByte();
    }
}
