namespace QuaRot.Checkpoints.Quantization;

/// <summary>Two 4-bit two's complement codes a byte: the low nibble holds the even index.</summary>
public static class PackedInt4
{
    /// <summary>Packs <paramref name="codes"/>, each in [-8, 7], into half as many bytes.</summary>
    /// <exception cref="ArgumentException">The number of codes is odd, or the target has another length than half of it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A code does not fit 4 bits.</exception>
    public static void Pack(ReadOnlySpan<sbyte> codes, Span<byte> packed)
    {
        CheckLengths(codes.Length, packed.Length);
        for (int i = 0; i < packed.Length; i++)
        {
            sbyte low = codes[2 * i];
            sbyte high = codes[(2 * i) + 1];
            if (((uint)(low + 8) | (uint)(high + 8)) > 15)
            {
                throw new ArgumentOutOfRangeException(nameof(codes), $"codes {low} and {high} at {2 * i}: INT4 holds -8 to 7");
            }

            packed[i] = (byte)((low & 15) | (high << 4));
        }
    }

    /// <summary>Undoes <see cref="Pack"/>.</summary>
    /// <exception cref="ArgumentException">The number of codes is not twice the number of bytes.</exception>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<sbyte> codes)
    {
        CheckLengths(codes.Length, packed.Length);
        for (int i = 0; i < packed.Length; i++)
        {
            // Shifting a nibble to the top of a signed byte and back extends its sign.
            codes[2 * i] = (sbyte)((sbyte)(packed[i] << 4) >> 4);
            codes[(2 * i) + 1] = (sbyte)((sbyte)packed[i] >> 4);
        }
    }

    private static void CheckLengths(int codes, int bytes)
    {
        if (codes != 2L * bytes)
        {
            throw new ArgumentException($"{codes} INT4 codes do not fill {bytes} bytes exactly");
        }
    }
}
