using QuaRot.Checkpoints;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Engine.Calibration;

/// <summary>Runs calibration sequences through one decoder layer, piece by piece, so that each linear layer's input can be seen.</summary>
/// <remarks>
/// The same ops in the same order as the engine's own decoder layer, but for the Hadamard transforms before o_proj and down_proj: those are
/// in float here, as what comes out of them is looked at. Of each sequence it keeps the residual stream and, between the two
/// halves of a layer, the input of o_proj, in host memory. Without a quantization in its config it computes in float32 throughout.
/// </remarks>
internal sealed class LayerRunner : IDisposable
{
    private readonly Backend _ops;
    private readonly ModelConfig _config;
    private readonly OnlineHadamards? _hadamards;
    private readonly int _length;
    private readonly RopeTable _rope;
    private readonly KvCache _cache;
    private readonly QuantizedRows _rows;
    private readonly FloatBuffer _x, _h, _q, _k, _v, _o, _gate, _up;
    private readonly ForwardBatch _batch;

    /// <param name="ops">Where it runs.</param>
    /// <param name="config">With the quantization of activations and cache, or none.</param>
    /// <param name="rotated">True where the online Hadamard transforms run.</param>
    /// <param name="residuals">[sequences][length, hidden], becomes this runner's.</param>
    /// <param name="length">Tokens of a sequence.</param>
    public LayerRunner(Backend ops, ModelConfig config, bool rotated, float[][] residuals, int length)
    {
        (_ops, _config, _length, Residuals) = (ops, config, length, residuals);
        var rotatedConfig = config with { Quantization = new QuantizationConfig { Rotate = rotated } };
        _hadamards = OnlineHadamards.For(rotatedConfig);
        Attention = [.. residuals.Select(_ => new float[(long)length * config.NumHeads * config.HeadDim])];
        _rope = new RopeTable(ops, length, config.HeadDim, config.RopeTheta, config.RopeScaling);
        var pages = KvLayout.PagesFor(length);
        _cache = ops.AllocateKvCache(KvLayout.For(config, new LayerRange(0, 1), pages));
        var (heads, kvHeads) = (config.NumHeads * config.HeadDim, config.NumKvHeads * config.HeadDim);
        _rows = ops.AllocateRows(length, Math.Max(Math.Max(config.HiddenSize, config.IntermediateSize), heads));
        _x = ops.AllocateFloats((long)length * config.HiddenSize);
        _h = ops.AllocateFloats((long)length * config.HiddenSize);
        _q = ops.AllocateFloats((long)length * heads);
        _o = ops.AllocateFloats((long)length * heads);
        _k = ops.AllocateFloats((long)length * kvHeads);
        _v = ops.AllocateFloats((long)length * kvHeads);
        _gate = ops.AllocateFloats((long)length * config.IntermediateSize);
        _up = ops.AllocateFloats((long)length * config.IntermediateSize);
        _batch = new ForwardBatch
        {
            TokenIds = new int[length],
            Positions = [.. Enumerable.Range(0, length)],
            SequenceOfRow = new int[length],
            BlockTables = [[.. Enumerable.Range(0, pages)]],
            OutputRows = [],
        };
    }

    /// <summary>[sequences][length, hidden] the residual stream.</summary>
    public float[][] Residuals { get; }

    /// <summary>[sequences][length, heads·head_dim] the input of o_proj after <see cref="Attend"/>.</summary>
    public float[][] Attention { get; }

    /// <summary>The input of q, k and v, or of gate and up.</summary>
    public void Normalized(int sequence, Norm norm, float[] target)
    {
        _x.CopyFrom(Residuals[sequence]);
        _ops.RmsNorm(_x, norm.Gain, norm.Bias, _config.RmsNormEps, _h, _length, _config.HiddenSize);
        _h.CopyTo(target);
    }

    /// <summary>From the residual stream to the input of o_proj.</summary>
    public void Attend(int sequence, Norm norm, PackedLinear q, PackedLinear k, PackedLinear v, float clip)
    {
        _x.CopyFrom(Residuals[sequence]);
        _ops.RmsNorm(_x, norm.Gain, norm.Bias, _config.RmsNormEps, _h, _length, _config.HiddenSize);
        ActivationQuantizer.Run(_ops, _config.Quantization, _h, _rows, _length, _config.HiddenSize, clip);
        _ops.Gemm(_rows, q, _q, accumulate: false);
        _ops.Gemm(_rows, k, _k, accumulate: false);
        _ops.Gemm(_rows, v, _v, accumulate: false);
        _ops.ApplyRope(_q, _rope, _batch.Positions, _config.NumHeads);
        _ops.ApplyRope(_k, _rope, _batch.Positions, _config.NumKvHeads);
        Rotate(_q, _hadamards?.Query);
        Rotate(_k, _hadamards?.Key);
        _ops.AppendPagedKvCache(_k, _v, _cache, 0, _batch);
        _ops.Attention(_q, _cache, 0, _batch, _config.NumHeads, _o);
        Rotate(_o, _hadamards?.AttentionOutput);
        _o.CopyTo(Attention[sequence]);
    }

    /// <summary>Adds o_proj's output to the residual stream.</summary>
    public void AddAttention(int sequence, PackedLinear o, float clip)
    {
        _x.CopyFrom(Residuals[sequence]);
        _o.CopyFrom(Attention[sequence]);
        ActivationQuantizer.Run(_ops, _config.Quantization, _o, _rows, _length, _config.NumHeads * _config.HeadDim, clip);
        _ops.Gemm(_rows, o, _x, accumulate: true);
        _x.CopyTo(Residuals[sequence]);
    }

    /// <summary>The input of down_proj.</summary>
    public void DownInput(int sequence, Norm norm, PackedLinear gate, PackedLinear up, float clip, float[] target)
    {
        _x.CopyFrom(Residuals[sequence]);
        GateAndUp(norm, gate, up, clip);
        _gate.CopyTo(target);
    }

    /// <summary>Adds the feed-forward network's output to the residual stream.</summary>
    public void AddMlp(int sequence, Norm norm, PackedLinear gate, PackedLinear up, PackedLinear down, float clip, float downClip)
    {
        _x.CopyFrom(Residuals[sequence]);
        GateAndUp(norm, gate, up, clip);
        ActivationQuantizer.Run(_ops, _config.Quantization, _gate, _rows, _length, _config.IntermediateSize, downClip);
        _ops.Gemm(_rows, down, _x, accumulate: true);
        _x.CopyTo(Residuals[sequence]);
    }

    public void Dispose()
    {
        foreach (var resource in (IDisposable[])[_rope, _cache, _rows, _x, _h, _q, _k, _v, _o, _gate, _up])
            resource.Dispose();
    }

    private void GateAndUp(Norm norm, PackedLinear gate, PackedLinear up, float clip)
    {
        _ops.RmsNorm(_x, norm.Gain, norm.Bias, _config.RmsNormEps, _h, _length, _config.HiddenSize);
        ActivationQuantizer.Run(_ops, _config.Quantization, _h, _rows, _length, _config.HiddenSize, clip);
        _ops.Gemm(_rows, gate, _gate, accumulate: false);
        _ops.Gemm(_rows, up, _up, accumulate: false);
        _ops.SiluAndMul(_gate, _up, _gate, (long)_length * _config.IntermediateSize);
        Rotate(_gate, _hadamards?.DownInput);
    }

    private void Rotate(FloatBuffer x, HadamardShape? shape)
    {
        if (shape is not null)
            _ops.HadamardTransform(x, _length, shape);
    }
}
