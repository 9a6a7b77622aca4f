using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Forward;

/// <summary>Final norm and lm_head of the last stage; both stay in float.</summary>
internal sealed class OutputHead : IDisposable
{
    private readonly Backend _ops;
    private readonly ModelConfig _config;
    private readonly FloatBuffer? _norm;
    private readonly PackedLinear _lmHead;
    private FloatBuffer? _logits;

    public OutputHead(Backend ops, ModelConfig config, HeadWeights weights, OwnedResources owner)
    {
        (_ops, _config) = (ops, config);
        _norm = weights.FinalNorm is { } norm ? owner.Own(ops.Upload(norm)) : null;
        _lmHead = owner.Own(ops.LoadLinear(weights.LmHead));
    }

    public long WeightBytes => _lmHead.Bytes + (4 * (_norm?.Length ?? 0));

    /// <summary>Logits [output rows, vocab] of the residual stream w.X.</summary>
    public HostActivations Forward(ForwardBatch batch, Workspace w)
    {
        var (rows, vocab) = (batch.OutputRows.Length, _config.VocabSize);
        var logits = new HostActivations(rows, vocab);
        if (rows == 0)
        {
            return logits;
        }

        _ops.GatherRows(w.X, batch.OutputRows, w.H, _config.HiddenSize);
        _ops.RmsNorm(w.H, _norm, null, _config.RmsNormEps, w.H, rows, _config.HiddenSize);
        _ops.QuantizePerToken(w.H, w.Quantized, rows, _config.HiddenSize, bits: 16, clip: 1f);
        var y = Logits((long)rows * vocab);
        _ops.Gemm(w.Quantized, _lmHead, y, accumulate: false);
        y.CopyTo(logits.Values);
        return logits;
    }

    public void Dispose() => _logits?.Dispose();

    /// <summary>A buffer that stays from call to call and grows when it must.</summary>
    private FloatBuffer Logits(long length)
    {
        if (_logits is null || _logits.Length < length)
        {
            _logits?.Dispose();
            _logits = null;
            _logits = _ops.AllocateFloats(length);
        }

        return _logits;
    }
}
