using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints;

/// <summary>The 16-bit float that is the upper half of an IEEE single.</summary>
public static class BFloat16
{
    /// <summary>Converts little-endian elements, exactly.</summary>
    /// <param name="elements">Two bytes each; need not be aligned.</param>
    /// <param name="singles">As many singles.</param>
    public static void Widen(ReadOnlySpan<byte> elements, Span<float> singles)
    {
        ReadOnlySpan<ushort> source = MemoryMarshal.Cast<byte, ushort>(elements);
        Span<uint> target = MemoryMarshal.Cast<float, uint>(singles)[..source.Length];
        for (int i = 0; i < source.Length; i++)
        {
            target[i] = (uint)source[i] << 16;
        }
    }

    /// <summary>The element nearest to a finite number, ties to even.</summary>
    public static ushort FromSingle(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
