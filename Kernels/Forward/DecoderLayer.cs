using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Forward;

/// <summary>One decoder layer over any backend: the sequence of ops, once for all of them.</summary>
internal sealed class DecoderLayer
{
    private readonly Backend _ops;
    private readonly ModelConfig _config;
    private readonly FloatBuffer? _inputNorm, _inputNormBias, _postAttentionNorm, _postAttentionNormBias;
    private readonly float[] _clips;
    private readonly PackedLinear _q, _k, _v, _o, _gate, _up, _down;

    /// <summary>
    /// Packs the weights of layer <paramref name="layer"/> of the model into <paramref name="owner"/>; <paramref name="index"/> counts from
    /// the stage's first layer.
    /// </summary>
    public DecoderLayer(Backend ops, ModelConfig config, LayerWeights weights, int layer, int index, OwnedResources owner)
    {
        (_ops, _config, Index) = (ops, config, index);
        _clips = [.. Enum.GetValues<ActivationSite>().Select(site => config.Quantization?.ActivationClipOf(layer, site) ?? 1f)];
        (_inputNorm, _inputNormBias) = (Upload(weights.InputNorm), Upload(weights.InputNormBias));
        (_postAttentionNorm, _postAttentionNormBias) = (Upload(weights.PostAttentionNorm), Upload(weights.PostAttentionNormBias));
        (_q, _k, _v) = (Pack(weights.Q), Pack(weights.K), Pack(weights.V));
        (_o, _gate, _up, _down) = (Pack(weights.O), Pack(weights.Gate), Pack(weights.Up), Pack(weights.Down));

        FloatBuffer? Upload(float[]? vector) => vector is null ? null : owner.Own(ops.Upload(vector));
        PackedLinear Pack(LinearWeights linear) => owner.Own(ops.LoadLinear(linear));
    }

    public int Index { get; }

    /// <summary>Bytes of the packed weights.</summary>
    public long WeightBytes => Linears.Sum(linear => linear.Bytes) + (4 * Norms.Sum(vector => vector?.Length ?? 0));

    private FloatBuffer?[] Norms => [_inputNorm, _inputNormBias, _postAttentionNorm, _postAttentionNormBias];

    private PackedLinear[] Linears => [_q, _k, _v, _o, _gate, _up, _down];

    /// <summary>Adds this layer to the residual stream w.X, [batch rows, hidden], and appends to the cache.</summary>
    public void Forward(ForwardBatch batch, Workspace w, KvCache cache, RopeTable rope, OnlineHadamards? hadamards)
    {
        Normalize(w, _inputNorm, _inputNormBias, batch.Rows, ActivationSite.AttentionInput);
        _ops.Gemm(w.Quantized, _q, w.Q, accumulate: false);
        _ops.Gemm(w.Quantized, _k, w.K, accumulate: false);
        _ops.Gemm(w.Quantized, _v, w.V, accumulate: false);
        _ops.ApplyRope(w.Q, rope, batch.Positions, _config.NumHeads);
        _ops.ApplyRope(w.K, rope, batch.Positions, _config.NumKvHeads);
        Rotate(w.Q, batch.Rows, hadamards?.Query);
        Rotate(w.K, batch.Rows, hadamards?.Key);
        _ops.AppendPagedKvCache(w.K, w.V, cache, Index, batch);
        _ops.Attention(w.Q, cache, Index, batch, _config.NumHeads, w.O);
        RotateAndQuantize(w, w.O, batch.Rows, _config.NumHeads * _config.HeadDim, hadamards?.AttentionOutput, ActivationSite.AttentionOutput);
        _ops.Gemm(w.Quantized, _o, w.X, accumulate: true);

        Normalize(w, _postAttentionNorm, _postAttentionNormBias, batch.Rows, ActivationSite.MlpInput);
        _ops.Gemm(w.Quantized, _gate, w.Gate, accumulate: false);
        _ops.Gemm(w.Quantized, _up, w.Up, accumulate: false);
        _ops.SiluAndMul(w.Gate, w.Up, w.Gate, (long)batch.Rows * _config.IntermediateSize);
        RotateAndQuantize(w, w.Gate, batch.Rows, _config.IntermediateSize, hadamards?.DownInput, ActivationSite.DownInput);
        _ops.Gemm(w.Quantized, _down, w.X, accumulate: true);
    }

    private void Normalize(Workspace w, FloatBuffer? gain, FloatBuffer? bias, int rows, ActivationSite site)
    {
        _ops.RmsNorm(w.X, gain, bias, _config.RmsNormEps, w.H, rows, _config.HiddenSize);
        Quantize(w, w.H, rows, _config.HiddenSize, site);
    }

    private void Quantize(Workspace w, FloatBuffer x, int rows, int width, ActivationSite site) =>
        ActivationQuantizer.Run(_ops, _config.Quantization, x, w.Quantized, rows, width, _clips[(int)site]);

    private void RotateAndQuantize(Workspace w, FloatBuffer x, int rows, int width, HadamardShape? shape, ActivationSite site)
    {
        if (shape is not null && _config.Quantization is { ActivationBits: <= 8 and var bits, ActivationGroupSize: 0 })
        {
            _ops.HadamardQuantize(x, w.Quantized, rows, shape, bits, _clips[(int)site]);
            return;
        }

        Rotate(x, rows, shape);
        Quantize(w, x, rows, width, site);
    }

    private void Rotate(FloatBuffer x, int rows, HadamardShape? shape)
    {
        if (shape is not null)
        {
            _ops.HadamardTransform(x, rows, shape);
        }
    }
}
