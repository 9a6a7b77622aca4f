using System.Runtime.CompilerServices;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Reference;

namespace QuaRot.Kernels.Cpu;

/// <summary>Writes and reads one head of the K or V plane of a page.</summary>
internal static unsafe class KvTile<T>
    where T : unmanaged, ILanes<T>
{
    private const int Count = ILanes<T>.Count;

    /// <summary>Quantizes x ([head_dim]) into its slot.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Store(float* x, byte* plane, KvLayout layout, int bits, int head, int slot)
    {
        if (bits > 8 || layout.HeadDim % Count != 0)
        {
            KvQuantizer.Store(new(x, layout.HeadDim), new(plane, layout.PlaneBytes(bits)), layout, bits, head, slot);
            return;
        }

        var (highest, lowest) = (T.Load(x), T.Load(x));
        for (var i = Count; i < layout.HeadDim; i += Count)
        {
            highest = T.Max(T.Load(x + i), highest);
            lowest = T.Min(T.Load(x + i), lowest);
        }

        var (scale, min) = KvQuantizer.ToHalves(-T.MaxOf(T.Splat(-1f) * lowest), T.MaxOf(highest), bits, layout.Clip);
        *(Half*)(plane + layout.ScaleOffset(bits, head, slot)) = scale;
        *(Half*)(plane + layout.MinOffset(bits, head, slot)) = min;
        StoreCodes(x, (float)scale, (float)min, plane + layout.CodeOffset(bits, head, slot), layout.HeadDim, bits);
    }

    /// <summary>Reads the first <paramref name="count"/> slots of a head to [count, stride], padded with zeros.</summary>
    public static void Load(byte* plane, KvLayout layout, int bits, int head, int count, float* target, int stride)
    {
        for (var slot = 0; slot < count; slot++, target += stride)
        {
            var codes = plane + layout.CodeOffset(bits, head, slot);
            if (layout.HeadDim % Count != 0)
            {
                var row = new Span<float>(target, stride);
                KvQuantizer.Load(new(plane, layout.PlaneBytes(bits)), layout, bits, head, slot, row[..layout.HeadDim]);
                row[layout.HeadDim..].Clear();
            }
            else if (bits > 8)
            {
                LoadFloats(codes, bits, target, layout.HeadDim);
            }
            else
            {
                var scale = (float)*(Half*)(plane + layout.ScaleOffset(bits, head, slot));
                var min = (float)*(Half*)(plane + layout.MinOffset(bits, head, slot));
                LoadCodes(codes, bits, scale, min, target, layout.HeadDim);
            }
        }
    }

    private static void LoadFloats(byte* source, int bits, float* target, int length)
    {
        for (var i = 0; i < length; i += Count)
        {
            T.Store(target + i, bits == 32 ? T.Load((float*)source + i) : T.LoadHalves((ushort*)source + i));
        }
    }

    private static void LoadCodes(byte* source, int bits, float scale, float min, float* target, int length)
    {
        T scales = T.Splat(scale), mins = T.Splat(min);
        for (var i = 0; i < length; i += Count)
        {
            var code = bits <= 4 ? T.LoadNibbles(source + (i / 2)) : T.LoadBytes(source + i);
            T.Store(target + i, T.FusedMultiplyAdd(scales, code, mins));
        }
    }

    private static void StoreCodes(float* x, float scale, float min, byte* target, int length, int bits)
    {
        T inverse = T.Splat(1f / scale), mins = T.Splat(min), highest = T.Splat((1 << bits) - 1);
        var bytes = stackalloc byte[Count];
        for (var i = 0; i < length; i += Count)
        {
            var code = T.Min(T.Max(T.Round((T.Load(x + i) - mins) * inverse), T.Splat(0f)), highest);
            if (bits > 4)
            {
                T.StoreBytes(target + i, code);
                continue;
            }

            T.StoreBytes(bytes, code);
            for (var pair = 0; pair < Count / 2; pair++)
            {
                target[(i / 2) + pair] = (byte)(bytes[2 * pair] | (bytes[(2 * pair) + 1] << 4));
            }
        }
    }
}
