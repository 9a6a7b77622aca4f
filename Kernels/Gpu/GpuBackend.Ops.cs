using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <content>One launch (or two) an op; shapes are checked here, kernels take pointers and sizes.</content>
public sealed partial class GpuBackend
{
    private const int Threads = 256;

    /// <summary>From so many rows on the tensor cores win over reading the weights once for every four rows.</summary>
    private const int RowsForTensorCores = 9;

    /// <inheritdoc/>
    public override void EmbedTokens(PackedLinear table, ReadOnlySpan<int> tokenIds, FloatBuffer x)
    {
        var w = (GpuLinear)table;
        Require(x, tokenIds.Length, w.InFeatures);
        foreach (var id in tokenIds)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)w.OutFeatures, nameof(tokenIds));
        }

        lock (_gate)
        {
            _device.Launch("embed_tokens", LaunchGrid.Blocks(tokenIds.Length, Threads), 0, w.Data, w.Format == WeightFormat.Float16,
                GpuRows.Pad(w.InFeatures), _tokens.Set(tokenIds), Floats(x), w.InFeatures);
        }
    }

    /// <inheritdoc/>
    public override void RmsNorm(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, FloatBuffer y, int rows, int width)
    {
        Require(x, rows, width);
        Require(y, rows, width);
        _device.Launch("rms_norm", LaunchGrid.Blocks(rows, Threads).Overlapping, 0, Floats(x), Floats(gain), Floats(bias), eps, Floats(y), width);
    }

    /// <summary>The kernel for rows of codes of so many bytes.</summary>
    internal static string NormQuantizeKernel(int stride, bool isBiased) =>
        $"rms_norm_quantize{(stride <= 16 * Threads ? "_16" : stride <= 32 * Threads ? "_32" : "")}{(isBiased ? "_bias" : "")}";

    /// <summary>RmsNorm and QuantizePerToken (3 to 8 bits) in one launch that reads the row once.</summary>
    internal void RmsNormQuantize(FloatBuffer x, FloatBuffer? gain, FloatBuffer? bias, float eps, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        Require(x, rows, width);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        var target = (GpuRows)y;
        target.Begin(rows, width, bits);
        _device.Launch(NormQuantizeKernel(target.Stride, bias is not null), LaunchGrid.Blocks(rows, Threads).Overlapping, 0, Floats(x), Floats(gain), Floats(bias), eps, target.Codes, target.Scales,
            width, target.Stride, (1 << (bits - 1)) - 1, clip);
    }

    /// <inheritdoc/>
    public override void RoundGroups(FloatBuffer x, QuantizedRows y, int rows, int width, int group, int bits, float clip)
    {
        Require(x, rows, width);
        var target = (GpuRows)y;
        target.Begin(rows, width, 16);
        _device.Launch("round_groups", LaunchGrid.Blocks(rows, Threads), 0, Floats(x), target.FloatStorage, width, target.Stride, group, (1 << (bits - 1)) - 1, clip);
    }

    /// <inheritdoc/>
    public override void QuantizePerToken(FloatBuffer x, QuantizedRows y, int rows, int width, int bits, float clip)
    {
        Require(x, rows, width);
        var target = (GpuRows)y;
        target.Begin(rows, width, bits);
        var grid = LaunchGrid.Blocks(rows, Threads);
        if (bits == 16)
        {
            _device.Launch("pad_rows", grid, 0, Floats(x), target.FloatStorage, width, target.Stride);
            return;
        }

        var highest = (1 << (bits - 1)) - 1;
        _device.Launch("quantize_per_token", grid, 0, Floats(x), target.Codes, target.Scales, width, target.Stride, highest, clip);
    }

    /// <inheritdoc/>
    public override void Gemm(QuantizedRows x, PackedLinear w, FloatBuffer y, bool accumulate)
    {
        var (rows, linear) = ((GpuRows)x, (GpuLinear)w);
        Require(y, rows.Rows, linear.OutFeatures);
        if (rows.Width != linear.InFeatures)
        {
            throw new ArgumentException($"{linear.Name}: activations of {rows.Width} elements, {linear.InFeatures} columns");
        }

        if (!linear.IsInteger || rows.Bits == 16)
        {
            FloatGemm(rows, linear, y, accumulate);
            return;
        }

        var bits = linear.Format == WeightFormat.Int4 ? 4 : 8;
        if (linear.Groups == 1 && rows.Rows < RowsForTensorCores)
        {
            var tile = rows.Rows == 1 ? 1 : 4;
            _device.Launch($"gemv_int{bits}_{tile}", LaunchGrid.Blocks(LaunchGrid.Parts(linear.OutFeatures, 16), LaunchGrid.Parts(rows.Rows, tile), 128), 0,
                rows.Codes, rows.Scales, rows.Stride, linear.Data, linear.Pitch, linear.Scales, linear.Bias, Floats(y), rows.Rows, linear.OutFeatures,
                accumulate);
            return;
        }

        _device.Launch($"gemm_int{bits}", LaunchGrid.Blocks(LaunchGrid.Parts(linear.OutFeatures, 64), LaunchGrid.Parts(rows.Rows, 64), 128), 0,
            rows.Codes, rows.Scales, rows.Stride, linear.Data, linear.Pitch, linear.Scales, linear.InFeatures, linear.GroupSize, linear.Bias, Floats(y),
            rows.Rows, linear.OutFeatures, accumulate);
    }

    /// <inheritdoc/>
    public override void ApplyRope(FloatBuffer x, RopeTable table, ReadOnlySpan<int> positions, int heads)
    {
        Require(x, positions.Length, heads * table.HeadDim);
        foreach (var position in positions)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)position, (uint)table.Positions, nameof(positions));
        }

        lock (_gate)
        {
            _device.Launch("apply_rope", LaunchGrid.Blocks(heads, positions.Length, 64), 0, Floats(x), Floats(table.Cos), Floats(table.Sin),
                _positions.Set(positions), table.HeadDim / 2);
        }
    }

    /// <inheritdoc/>
    public override void SiluAndMul(FloatBuffer gate, FloatBuffer up, FloatBuffer u, long count)
    {
        Require(gate, count, 1);
        Require(up, count, 1);
        Require(u, count, 1);
        var blocks = Math.Min(LaunchGrid.Parts(count, Threads), 4096);
        _device.Launch("silu_and_mul", LaunchGrid.Blocks(blocks, Threads), 0, Floats(gate), Floats(up), Floats(u), count);
    }

    /// <inheritdoc/>
    public override void GatherRows(FloatBuffer x, ReadOnlySpan<int> rows, FloatBuffer y, int width)
    {
        Require(y, rows.Length, width);
        foreach (var row in rows)
        {
            Require(x, row + 1L, width);
        }

        lock (_gate)
        {
            _device.Launch("gather_rows", LaunchGrid.Blocks(rows.Length, Threads), 0, Floats(x), _tokens.Set(rows), Floats(y), width);
        }
    }

    private static void Require(FloatBuffer buffer, long rows, int width)
    {
        if (rows * width > buffer.Length || rows < 0)
        {
            throw new ArgumentException($"[{rows}, {width}] does not fit a buffer of {buffer.Length} floats");
        }
    }

    private void FloatGemm(GpuRows x, GpuLinear w, FloatBuffer y, bool accumulate) =>
        LaunchFloatGemm(_device, x.Floats(), x.Stride, w, Floats(y), x.Rows, accumulate);

    /// <summary>Queues a GEMM with float activations x [rows, stride].</summary>
    internal static void LaunchFloatGemm(GpuDevice device, LaunchArgument x, int stride, GpuLinear w, LaunchArgument y, int rows, bool accumulate)
    {
        var format = w.Format switch
        {
            WeightFormat.Float32 => "float32",
            WeightFormat.Float16 => "float16",
            WeightFormat.Int8 => "dequantized8",
            _ => "dequantized4",
        };
        if (w.Format == WeightFormat.Float16 && GpuHead.Suits(device, w.OutFeatures))
        {
            GpuHead.Launch(device, x, stride, w, y, rows, accumulate);
            return;
        }

        var (tile, channels) = rows < 3 ? (1, 16) : (8, 32);
        device.Launch($"gemm_{format}_{tile}", LaunchGrid.Blocks(LaunchGrid.Parts(w.OutFeatures, channels), LaunchGrid.Parts(rows, tile), 128), 0,
            x, stride, w.Data, w.Pitch, w.Scales, w.InFeatures, w.GroupSize, w.Bias, y, rows, w.OutFeatures, accumulate);
    }
}
