using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>Hints to the caches.</summary>
internal static unsafe class CacheLine
{
    /// <summary>Bytes of one.</summary>
    public const int Bytes = 64;

    /// <summary>Fetches the line of an address that will be read soon, if there is memory; nothing on machines without such a hint.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(address);
        }
    }
}
