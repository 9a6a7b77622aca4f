using System.Numerics;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Cpu;

/// <summary>Unpacks the codes of one head of a tile into the orders that byte multiply-adds want: four at a time of what is summed over.</summary>
/// <remarks>
/// Sums of bytes pass through int16, which codes above 15 could overflow, so a code is taken apart into nibbles: plane 0 has the low ones, plane 1, where
/// there is one, the high ones. Slots from <c>count</c> on are zeros.
/// </remarks>
internal static unsafe class KvCodes
{
    private const int Tile = KvLayout.PageSize;

    /// <summary>Planes that codes of so many bits need.</summary>
    public static int Planes(int bits) => bits <= 4 ? 1 : 2;

    /// <summary>Keys: [planes][head_dim / 4][64 positions][4 elements].</summary>
    public static void LoadKeys(byte* plane, KvLayout layout, int head, int count, uint* target)
    {
        var (bits, words) = (layout.KeyBits, layout.HeadDim / 4);
        if (count < Tile)
        {
            new Span<uint>(target, Planes(bits) * words * Tile).Clear();
        }

        for (var slot = 0; slot < count; slot++)
        {
            var source = plane + layout.CodeOffset(bits, head, slot);
            for (var i = 0; i < words; i++)
            {
                var word = bits <= 4 ? Spread(((ushort*)source)[i]) : ((uint*)source)[i];
                target[(i * Tile) + slot] = word & 0x0F0F0F0F;
                if (bits > 4)
                {
                    target[((words + i) * Tile) + slot] = (word >> 4) & 0x0F0F0F0F;
                }
            }
        }
    }

    /// <summary>Values: [planes][16 quadruples of positions][head_dim][4 positions]; element 4i + e of a head lies at e·head_dim/4 + i.</summary>
    public static void LoadValues(byte* plane, KvLayout layout, int head, int count, uint* target, uint* scratch)
    {
        var (bits, words) = (layout.ValueBits, layout.HeadDim / 4);
        for (var first = 0; first < Tile; first += 4)
        {
            for (var j = 0; j < 4; j++)
            {
                var source = plane + layout.CodeOffset(bits, head, first + j);
                for (var i = 0; i < words; i++)
                {
                    scratch[(j * words) + i] = first + j >= count ? 0 : bits <= 4 ? Spread(((ushort*)source)[i]) : ((uint*)source)[i];
                }
            }

            for (var p = 0; p < Planes(bits); p++)
            {
                Transpose(scratch, words, 4 * p, target + (((p * Tile / 4) + (first / 4)) * layout.HeadDim));
            }
        }
    }

    // Nibble n of 16 bits becomes byte n of 32.
    private static uint Spread(uint nibbles)
    {
        var bytes = (nibbles | (nibbles << 8)) & 0x00FF00FF;
        return (bytes | (bytes << 4)) & 0x0F0F0F0F;
    }

    // Four words of four elements each become four words of four positions each, for a vector of words at a time.
    private static void Transpose(uint* source, int words, int shift, uint* target)
    {
        var i = 0;
        for (; i + Vector<uint>.Count <= words; i += Vector<uint>.Count)
        {
            var nibble = new Vector<uint>(0x0F0F0F0F);
            var a = (Vector.Load(source + i) >>> shift) & nibble;
            var b = (Vector.Load(source + words + i) >>> shift) & nibble;
            var c = (Vector.Load(source + (2 * words) + i) >>> shift) & nibble;
            var d = (Vector.Load(source + (3 * words) + i) >>> shift) & nibble;
            for (var e = 0; e < 4; e++)
            {
                var one = new Vector<uint>(0xFF);
                var (w, x, y, z) = ((a >>> (8 * e)) & one, (b >>> (8 * e)) & one, (c >>> (8 * e)) & one, (d >>> (8 * e)) & one);
                (w | (x << 8) | (y << 16) | (z << 24)).Store(target + (e * words) + i);
            }
        }

        for (; i < words; i++)
        {
            for (var e = 0; e < 4; e++)
            {
                var word = 0u;
                for (var j = 0; j < 4; j++)
                {
                    word |= ((source[(j * words) + i] >> (shift + (8 * e))) & 15) << (8 * j);
                }

                target[(e * words) + i] = word;
            }
        }
    }
}
