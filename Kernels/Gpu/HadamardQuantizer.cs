using System.Numerics;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>hadamard_quantize of one shape on one GPU: which kernel of hadamard_quantize.cu, how it is launched, and its signs.</summary>
internal sealed class HadamardQuantizer : IDisposable
{
    private const int Chunk = 64;
    private const int Warp = 32;
    private const int LargestBlock = 1024;

    /// <summary>Up to here a row goes over many blocks (hadamard_decode.cu).</summary>
    private const int MostDecodeRows = 16;

    /// <summary>As __launch_bounds__ of hadamard_quantize_mma_wide.</summary>
    private const int LargestWideBlock = 896;

    /// <summary>As kMagnitudes in hadamard_decode.cu.</summary>
    private const int Magnitudes = 13;

    private const int MostChunks = 32;
    private const int MostLines = 192;

    /// <summary>Blocks of a row in hadamard_codes.</summary>
    private const int CodeBlocks = 8;

    /// <summary>A block's fixed shared memory, at most.</summary>
    private const int FixedBytes = 512;

    private readonly GpuDevice _device;
    private readonly HadamardShape _shape;
    private readonly DeviceMemory _signs;
    private readonly DeviceMemory? _fragments, _lines, _largest;
    private readonly Way _way;
    private readonly int _threads;
    private readonly int _sharedBytes;

    /// <summary>Prepares it.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="shape">One block of at most <see cref="HadamardShape.LargestFixedPointSize"/> signs.</param>
    /// <param name="signs">The signs as hadamard_mix takes them; remain the caller's.</param>
    /// <exception cref="ArgumentException">The shape is not a whole row, or too large.</exception>
    public HadamardQuantizer(GpuDevice device, HadamardShape shape, DeviceMemory signs)
    {
        shape.RequireFixedPoint();
        (_device, _shape, _signs) = (device, shape, signs);
        (_way, _threads, _sharedBytes) = Choose(shape, device.MaxSharedBytes - FixedBytes);
        if (_way is Way.Narrow or Way.Wide)
        {
            var fragments = Fragments(shape);
            _fragments = device.Allocate(fragments.Length, $"signs of the Hadamard matrix of order {shape.Order}");
            _fragments.Write<byte>(fragments);
            if (shape.Inner == 1 && Columns % Chunk == 0 && shape.Width * sizeof(int) <= device.MaxSharedBytes - FixedBytes)
            {
                _lines = device.Allocate((long)MostDecodeRows * shape.Width * sizeof(int), $"Hadamard transforms of {MostDecodeRows} rows");
                _largest = device.Allocate(MostDecodeRows * Magnitudes * sizeof(int), $"magnitudes of {MostDecodeRows} rows");
            }
        }
    }

    private enum Way
    {
        Any,
        PowerOfTwo,
        Narrow,
        Wide,
    }

    /// <summary>Of 16 lines.</summary>
    private int Tiles => (_shape.Order + 15) / 16;

    /// <summary>Two planes of 64 columns.</summary>
    private int PlaneBytes => 2 * Chunk * (((_shape.Order + 31) / 32 * 32) + 16);

    private int Columns => _shape.Doublings * _shape.Inner;

    /// <summary>Bits of an index within a line over which the transform runs.</summary>
    private int Butterflies => (_shape.Doublings - 1) * _shape.Inner;

    /// <summary>Queues it. May be captured into a graph: nothing depends on data.</summary>
    /// <param name="x">[rows, width] floats; used up.</param>
    /// <param name="codes">[rows, stride] signed bytes.</param>
    /// <param name="scales">[rows] floats.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="stride">A multiple of 64, at least the width.</param>
    /// <param name="bits">3 to 8.</param>
    /// <param name="clip">Ratio in (0, 1].</param>
    public void Launch(LaunchArgument x, LaunchArgument codes, LaunchArgument scales, int rows, int stride, int bits, float clip)
    {
        var highest = (1 << (bits - 1)) - 1;
        var grid = LaunchGrid.Blocks(rows, _threads).Overlapping;
        switch (_way)
        {
            case Way.PowerOfTwo:
                _device.Launch("hadamard_quantize_2k", grid, _sharedBytes, x, codes, scales, BitOperations.Log2((uint)_shape.Width), Butterflies, stride,
                    highest, clip, _shape.Scale);
                break;
            case Way.Any:
                _device.Launch("hadamard_quantize_any", grid, _sharedBytes, x, _signs, codes, scales, _shape.Order, _shape.Doublings, _shape.Inner, stride,
                    highest, clip, _shape.Scale);
                break;
            case Way.Narrow or Way.Wide when rows <= MostDecodeRows && _lines is not null:
                LaunchDecode(x, codes, scales, rows, stride, highest, clip);
                break;
            default:
                _device.Launch((_way == Way.Wide ? "hadamard_quantize_mma_wide" : "hadamard_quantize_mma") + Known(), grid, _sharedBytes, x, _fragments, codes, scales,
                    _shape.Order, Columns, Butterflies, stride, highest, clip, _shape.Scale);
                break;
        }
    }

    public void Dispose()
    {
        _fragments?.Dispose();
        _lines?.Dispose();
        _largest?.Dispose();
    }

    private void LaunchDecode(LaunchArgument x, LaunchArgument codes, LaunchArgument scales, int rows, int stride, int highest, float clip)
    {
        var (m, columns) = (_shape.Order, Columns);
        if (columns == Chunk)
        {
            _device.Launch("hadamard_tiles", LaunchGrid.Blocks(Tiles, rows, 256).Overlapping, PlaneBytes, x, _fragments, _lines, _largest, m);
            _device.Launch("hadamard_codes", LaunchGrid.Blocks(CodeBlocks, rows, 256).Overlapping, 0, _lines, _largest, codes, scales, _shape.Width, stride, highest,
                clip, _shape.Scale);
            return;
        }

        var chunks = columns / Chunk;
        var splits = chunks < 8 ? Tiles : 1;
        _device.Launch("hadamard_lines", LaunchGrid.Blocks(chunks * splits, rows, 256).Overlapping, PlaneBytes, x, _fragments, _lines, _largest, m, columns, splits);
        _device.Launch("hadamard_finish", LaunchGrid.Blocks(rows, LargestBlock).Overlapping, _shape.Width * sizeof(int), _lines, _largest, codes, scales, m, columns,
            stride, highest, clip, _shape.Scale);
    }

    // A kernel for just these chunks, where there is one; the transform must run over all bits of the column.
    private string Known() => (_way, Columns / Chunk) switch
    {
        _ when _shape.Inner != 1 || Columns % Chunk != 0 => "",
        (Way.Wide, 1) when _threads <= 384 => "_c1",
        (Way.Narrow, 8) when _threads <= 512 => "_c8",
        (Way.Narrow, 16) => "_c16",
        _ => "",
    };

    private static (Way Way, int Threads, int SharedBytes) Choose(HadamardShape shape, int mostShared)
    {
        var (m, columns) = (shape.Order, shape.Doublings * shape.Inner);
        var any = (Way.Any, LargestBlock, m > 1 ? m * 32 * sizeof(int) : 0);
        if (!BitOperations.IsPow2(columns))
        {
            return any;
        }

        if (m == 1)
        {
            var changesHands = ((shape.Doublings - 1) * shape.Inner & ((columns / 32) - 1)) >= 32;
            var bytes = changesHands ? columns * sizeof(int) : 0;
            return columns is >= 1024 and <= 32768 && bytes <= mostShared ? (Way.PowerOfTwo, columns / 32, bytes) : any;
        }

        var chunks = Math.Max(columns / Chunk, 1);
        if (chunks > MostChunks || m > MostLines)
        {
            return any;
        }

        var (lines, steps) = (32 / chunks, (m + 31) / 32);
        var warps = Math.Max((m + lines - 1) / lines * (columns > 32 ? 2 : 1), chunks * ((m + 15) / 16));
        var shared = 2048 * (chunks == 1 ? 2 : 3) * steps * chunks;
        var isNarrow = steps == 1;
        return warps * Warp <= (isNarrow ? LargestBlock : LargestWideBlock) && shared <= mostShared
            ? (isNarrow ? Way.Narrow : Way.Wide, warps * Warp, shared)
            : any;
    }

    // A fragments of mma.m16n8k32, [m/16][m/32][32 lanes][4 words of 4 bytes]: lane 4g + t holds rows g, g + 8, g, g + 8 from columns 4t, 4t, 16 + 4t,
    // 16 + 4t on. The row is where a sum goes, the column what it takes; zeros beyond m.
    private static byte[] Fragments(HadamardShape shape)
    {
        var m = shape.Order;
        var (rows, steps) = ((m + 15) / 16, (m + 31) / 32);
        var bytes = new byte[rows * steps * 512];
        for (var i = 0; i < bytes.Length; i++)
        {
            var (tile, lane, word) = (i / 512, i / 16 % 32, i / 4 % 4);
            var to = (tile / steps * 16) + (lane / 4) + (word % 2 * 8);
            var from = (tile % steps * 32) + (lane % 4 * 4) + (word / 2 * 16) + (i % 4);
            bytes[i] = to < m && from < m ? (byte)shape.Matrix[(from * m) + to] : (byte)0;
        }

        return bytes;
    }
}
