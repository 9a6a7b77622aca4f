using System.Runtime.InteropServices;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Reference;

/// <summary>append_paged_kv_cache and its inverse for one head at one position, over the bytes of one plane of a page.</summary>
internal static class KvQuantizer
{
    /// <summary>Largest finite FP16 number: a minimum or scale beyond it is cut there.</summary>
    public const float HalfMax = 65504f;

    public static void Store(ReadOnlySpan<float> x, Span<byte> plane, KvLayout layout, int bits, int head, int slot)
    {
        var target = plane.Slice(layout.CodeOffset(bits, head, slot), layout.HeadBytes(bits));
        if (bits == 32)
        {
            MemoryMarshal.AsBytes(x).CopyTo(target);
            return;
        }

        if (bits == 16)
        {
            StoreHalves(x, MemoryMarshal.Cast<byte, Half>(target));
            return;
        }

        var (scale, min) = Range(x, bits, layout.Clip);
        MemoryMarshal.Write(plane[layout.ScaleOffset(bits, head, slot)..], scale);
        MemoryMarshal.Write(plane[layout.MinOffset(bits, head, slot)..], min);
        StoreCodes(x, (float)scale, (float)min, bits, target);
    }

    public static void Load(ReadOnlySpan<byte> plane, KvLayout layout, int bits, int head, int slot, Span<float> x)
    {
        var source = plane.Slice(layout.CodeOffset(bits, head, slot), layout.HeadBytes(bits));
        for (var i = 0; i < x.Length && bits > 8; i++)
        {
            x[i] = bits == 32 ? MemoryMarshal.Cast<byte, float>(source)[i] : (float)MemoryMarshal.Cast<byte, Half>(source)[i];
        }

        if (bits > 8)
        {
            return;
        }

        var scale = (float)MemoryMarshal.Read<Half>(plane[layout.ScaleOffset(bits, head, slot)..]);
        var min = (float)MemoryMarshal.Read<Half>(plane[layout.MinOffset(bits, head, slot)..]);
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = MathF.FusedMultiplyAdd(scale, Code(source, bits, i), min);
        }
    }

    /// <summary>The codes of a head at a position, its scale and its minimum; 3 to 8 bits.</summary>
    public static (float Scale, float Min) LoadCodes(ReadOnlySpan<byte> plane, KvLayout layout, int bits, int head, int slot, Span<int> codes)
    {
        var source = plane.Slice(layout.CodeOffset(bits, head, slot), layout.HeadBytes(bits));
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = Code(source, bits, i);
        }

        return ((float)MemoryMarshal.Read<Half>(plane[layout.ScaleOffset(bits, head, slot)..]),
            (float)MemoryMarshal.Read<Half>(plane[layout.MinOffset(bits, head, slot)..]));
    }

    private static int Code(ReadOnlySpan<byte> source, int bits, int i) => bits <= 4 ? (source[i / 2] >> (4 * (i % 2))) & 15 : source[i];

    private static (Half Scale, Half Min) Range(ReadOnlySpan<float> x, int bits, float clip)
    {
        var (lowest, highest) = (x[0], x[0]);
        foreach (var value in x)
        {
            lowest = value < lowest ? value : lowest;
            highest = value > highest ? value : highest;
        }

        return ToHalves(lowest, highest, bits, clip);
    }

    /// <summary>FP16 scale and minimum for a head whose elements lie in [lowest, highest].</summary>
    public static (Half Scale, Half Min) ToHalves(float lowest, float highest, int bits, float clip)
    {
        // -0 and +0 are equal but not the same bits, and a minimum over lanes may find either.
        lowest += 0f;
        var min = clip * lowest;
        var scale = (Half)Math.Min(((clip * highest) - min) / ((1 << bits) - 1), HalfMax);
        return scale == (Half)0f
            ? ((Half)1f, (Half)Math.Clamp(lowest, -HalfMax, HalfMax))
            : (scale, (Half)Math.Clamp(min, -HalfMax, HalfMax));
    }

    private static void StoreCodes(ReadOnlySpan<float> x, float scale, float min, int bits, Span<byte> target)
    {
        var inverse = 1f / scale;
        for (var i = 0; i < x.Length; i++)
        {
            var code = MathF.Round((x[i] - min) * inverse, MidpointRounding.ToEven);
            var value = (byte)Math.Clamp(code, 0f, (1 << bits) - 1);
            if (bits > 4)
            {
                target[i] = value;
            }
            else
            {
                target[i / 2] = i % 2 == 0 ? value : (byte)(target[i / 2] | (value << 4));
            }
        }
    }

    private static void StoreHalves(ReadOnlySpan<float> x, Span<Half> target)
    {
        for (var i = 0; i < x.Length; i++)
        {
            target[i] = (Half)x[i];
        }
    }
}
