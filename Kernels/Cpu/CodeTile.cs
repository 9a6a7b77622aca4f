using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;

namespace QuaRot.Kernels.Cpu;

/// <summary>The K or V codes of one head in a page, laid out for <see cref="NibbleProduct{T}"/>.</summary>
/// <remarks>
/// A stored byte holds two nibbles: two elements at 3 and 4 bits, the lower and upper half of one at 5 to 8. Low nibbles make one plane,
/// high nibbles the other. A plane is streams of vectors; an int32 lane of a vector multiplies four neighbours along the sum, and a stream
/// runs along the sum. K: a stream for each 16 positions, lanes are positions, neighbours are bytes of a head. V: a stream for each 16
/// bytes of a head, lanes are bytes, neighbours are positions.
/// </remarks>
internal static unsafe class CodeTile<TBytes>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private const int Tile = KvLayout.PageSize;
    private const int VectorBytes = IByteLanes<TBytes>.Size;
    private const int Unit = AttentionSizes.Unit;

    /// <summary>Both planes of K: [2][4 streams][stride/4][64].</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void LoadKeys(byte* codes, int headBytes, byte* tile, byte* padding)
    {
        var stride = Pad(ref codes, headBytes, padding);
        var lanes = stackalloc int[4 * Unit];
        for (var stream = 0; stream < Tile / Unit; stream++)
        {
            for (var at = 0; at < stride; at += Unit, tile += 4 * VectorBytes)
            {
                for (var four = 0; four < 4; four++)
                {
                    Transpose(codes + ((((stream * 4) + four) * 4) * stride) + at, stride, lanes + (4 * four));
                }

                for (var word = 0; word < 4; word++)
                {
                    Split((byte*)(lanes + (Unit * word)), tile + (word * VectorBytes), Tile * stride);
                }
            }
        }
    }

    /// <summary>Both planes of V: [2][stride/16 streams][16][64].</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void LoadValues(byte* codes, int headBytes, byte* tile, byte* padding)
    {
        var stride = Pad(ref codes, headBytes, padding);
        var lanes = stackalloc byte[VectorBytes];
        for (var at = 0; at < stride; at += Unit)
        {
            for (var position = 0; position < Tile; position += 4, tile += VectorBytes)
            {
                Interleave(codes + (position * stride) + at, stride, (ushort*)lanes);
                Split(lanes, tile, Tile * stride);
            }
        }
    }

    private static int Pad(ref byte* codes, int headBytes, byte* padding)
    {
        var stride = (headBytes + Unit - 1) / Unit * Unit;
        if (stride != headBytes)
        {
            new Span<byte>(padding, Tile * stride).Clear();
            for (var position = 0; position < Tile; position++)
            {
                Unsafe.CopyBlockUnaligned(padding + (position * stride), codes + (position * headBytes), (uint)headBytes);
            }

            codes = padding;
        }

        return stride;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split(byte* lanes, byte* tile, int planeBytes)
    {
        var bytes = TBytes.Load(lanes);
        TBytes.Store(tile, TBytes.LowNibbles(bytes));
        TBytes.Store(tile + planeBytes, TBytes.HighNibbles(bytes));
    }

    /// <summary>Four rows of four int32 each to four columns, 16 int32 from one column to the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(byte* rows, int stride, int* columns)
    {
        var (a01, a23) = Zip(Vector128.Load((uint*)rows), Vector128.Load((uint*)(rows + stride)));
        var (b01, b23) = Zip(Vector128.Load((uint*)(rows + (2 * stride))), Vector128.Load((uint*)(rows + (3 * stride))));
        Vector128.Create(a01.GetLower(), b01.GetLower()).AsInt32().Store(columns);
        Vector128.Create(a01.GetUpper(), b01.GetUpper()).AsInt32().Store(columns + 16);
        Vector128.Create(a23.GetLower(), b23.GetLower()).AsInt32().Store(columns + 32);
        Vector128.Create(a23.GetUpper(), b23.GetUpper()).AsInt32().Store(columns + 48);
    }

    private static (Vector128<ulong> Low, Vector128<ulong> High) Zip(Vector128<uint> a, Vector128<uint> b)
    {
        var ((aLow, aHigh), (bLow, bHigh)) = (Vector128.Widen(a), Vector128.Widen(b));
        return (aLow | (bLow << 32), aHigh | (bHigh << 32));
    }

    /// <summary>16 bytes of four positions: those of byte 0, then those of byte 1, ...</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Interleave(byte* rows, int stride, ushort* target)
    {
        var (aLow, aHigh) = Zip(Vector128.Load(rows), Vector128.Load(rows + stride));
        var (bLow, bHigh) = Zip(Vector128.Load(rows + (2 * stride)), Vector128.Load(rows + (3 * stride)));
        Store(aLow, bLow, target);
        Store(aHigh, bHigh, target + 16);
    }

    private static (Vector128<ushort> Low, Vector128<ushort> High) Zip(Vector128<byte> a, Vector128<byte> b)
    {
        var ((aLow, aHigh), (bLow, bHigh)) = (Vector128.Widen(a), Vector128.Widen(b));
        return (aLow | (bLow << 8), aHigh | (bHigh << 8));
    }

    private static void Store(Vector128<ushort> a, Vector128<ushort> b, ushort* target)
    {
        var ((aLow, aHigh), (bLow, bHigh)) = (Vector128.Widen(a), Vector128.Widen(b));
        (aLow | (bLow << 16)).AsUInt16().Store(target);
        (aHigh | (bHigh << 16)).AsUInt16().Store(target + 8);
    }
}
