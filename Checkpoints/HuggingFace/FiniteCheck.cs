using System.Numerics;
using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>
/// Finds NaN and infinity in raw tensors: in all three float formats these are the elements whose exponent bits are all ones.
/// </summary>
internal static class FiniteCheck
{
    /// <summary>Index of the first element that is not finite, or -1.</summary>
    /// <param name="bytes">Little-endian elements.</param>
    /// <param name="dtype"><c>F32</c>, <c>F16</c> or <c>BF16</c>.</param>
    public static int FirstNonFinite(ReadOnlySpan<byte> bytes, string dtype) => dtype switch
    {
        TensorTypes.F32 => FirstWithAllBits(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000u),
        TensorTypes.F16 => FirstWithAllBits(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7C00),
        TensorTypes.BF16 => FirstWithAllBits(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7F80),
        _ => throw new ArgumentException($"not a float type: {dtype}", nameof(dtype)),
    };

    private static int FirstWithAllBits<T>(ReadOnlySpan<T> values, T mask)
        where T : unmanaged, IBinaryInteger<T>
    {
        var masks = new Vector<T>(mask);
        int i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(values[i..]) & masks, masks))
                break;
        }

        for (; i < values.Length; i++)
        {
            if ((values[i] & mask) == mask)
                return i;
        }

        return -1;
    }
}
