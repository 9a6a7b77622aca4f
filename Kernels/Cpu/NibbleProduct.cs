using System.Runtime.CompilerServices;
using QuaRot.Kernels.Cpu.Lanes;

namespace QuaRot.Kernels.Cpu;

/// <summary>Products of bytes with the nibbles of a <see cref="CodeTile{T}"/>: exact int32 sums for two rows and two streams at a time.</summary>
/// <remarks>
/// A byte multiply-add takes an unsigned and a signed side; a nibble is both, so the bytes may be either. Its int16 sums are widened before
/// they could overflow: a step adds at most 2·15·127 for signed bytes (8 steps fit), 2·15·255 for unsigned ones (4 steps).
/// </remarks>
internal static unsafe class NibbleProduct<TBytes>
    where TBytes : unmanaged, IByteLanes<TBytes>
{
    private const int VectorBytes = IByteLanes<TBytes>.Size;

    /// <summary>The first <paramref name="count"/> sums (rounded up to whole streams) of two rows of signed bytes.</summary>
    /// <param name="shape">The tile.</param>
    /// <param name="quads">Vectors of a stream to use.</param>
    /// <param name="count">Sums.</param>
    /// <param name="x">Bytes of a row.</param>
    /// <param name="y">Bytes of another.</param>
    /// <param name="xSums">[16·streams]</param>
    /// <param name="ySums">[16·streams]</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void SignedRows(in NibbleShape shape, int quads, int count, byte* x, byte* y, int* xSums, int* ySums)
    {
        for (var stream = 0; stream * 16 < count; stream += 2)
        {
            TwoRows(shape, signed: true, quads, stream, (stream + 1) * 16 < count ? 1 : 0, x, y, xSums, ySums);
        }
    }

    /// <summary>Like <see cref="SignedRows"/>, for unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void UnsignedRows(in NibbleShape shape, int quads, int count, byte* x, byte* y, int* xSums, int* ySums)
    {
        for (var stream = 0; stream * 16 < count; stream += 2)
        {
            TwoRows(shape, signed: false, quads, stream, (stream + 1) * 16 < count ? 1 : 0, x, y, xSums, ySums);
        }
    }

    /// <summary>sums[16·stream + lane] for streams from <paramref name="stream"/> on: two, or one where <paramref name="second"/> is 0 instead of 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoRows(in NibbleShape shape, bool signed, int quads, int stream, int second, byte* x, byte* y, int* xSums, int* ySums)
    {
        TBytes xa = TBytes.Zero, xb = xa, ya = xa, yb = xa;
        var weight = 1 | (1 << 16);
        for (var plane = 0; plane < shape.Planes; plane++)
        {
            var weights = TBytes.Repeat(&weight);
            var a = shape.Tile + (plane * shape.PlaneBytes) + (stream * shape.StreamBytes);
            var offset = second * shape.StreamBytes;
            byte* rowX = x + (plane * shape.RowPlaneBytes), rowY = y + (plane * shape.RowPlaneBytes);
            for (var left = quads; left > 0; left -= signed ? 8 : 4)
            {
                TBytes hxa = TBytes.Zero, hxb = hxa, hya = hxa, hyb = hxa;
                for (var end = rowX + (4 * Math.Min(left, signed ? 8 : 4)); rowX < end; rowX += 4, rowY += 4, a += VectorBytes)
                {
                    TBytes codesA = TBytes.Load(a), codesB = TBytes.Load(a + offset);
                    TBytes valueX = TBytes.Repeat(rowX), valueY = TBytes.Repeat(rowY);
                    hxa = TBytes.AddShorts(hxa, Multiply(signed, valueX, codesA));
                    hxb = TBytes.AddShorts(hxb, Multiply(signed, valueX, codesB));
                    hya = TBytes.AddShorts(hya, Multiply(signed, valueY, codesA));
                    hyb = TBytes.AddShorts(hyb, Multiply(signed, valueY, codesB));
                }

                xa = TBytes.MultiplyAddShorts(hxa, weights, xa);
                xb = TBytes.MultiplyAddShorts(hxb, weights, xb);
                ya = TBytes.MultiplyAddShorts(hya, weights, ya);
                yb = TBytes.MultiplyAddShorts(hyb, weights, yb);
            }

            weight = shape.Weight | (shape.Weight << 16);
        }

        TBytes.StoreInts(xSums + (16 * (stream + second)), xb);
        TBytes.StoreInts(ySums + (16 * (stream + second)), yb);
        TBytes.StoreInts(xSums + (16 * stream), xa);
        TBytes.StoreInts(ySums + (16 * stream), ya);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBytes Multiply(bool signed, TBytes row, TBytes codes) =>
        signed ? TBytes.MultiplyAddBytes(codes, row) : TBytes.MultiplyAddBytes(row, codes);
}
