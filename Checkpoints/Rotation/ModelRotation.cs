using QuaRot.Checkpoints.Hadamard;

namespace QuaRot.Checkpoints.Rotation;

/// <summary>
/// The QuaRot transform of a model's weights, piece by piece: same function, but with rotated residual stream, values and down_proj input.
/// </summary>
/// <remarks>
/// QuaRot, section 4, stages 1a to 1d (arXiv 2404.00456). Norm gains move into the linear layers behind them, as rms_norm commutes with an
/// orthogonal matrix only without a gain. The embedding's mean is not subtracted: that belongs to LayerNorm. Thread-safe.
/// </remarks>
public sealed class ModelRotation
{
    private readonly RandomizedHadamard _residual;
    private readonly HadamardTransform _intermediate;
    private readonly HeadTransforms _heads;

    /// <summary>Prepares the transforms of a model.</summary>
    /// <param name="config">Its sizes.</param>
    /// <param name="seed">Seed of the signs of <see cref="RandomizedHadamard"/>.</param>
    /// <exception cref="ArgumentException">A size has no Hadamard matrix; the message names the field of config.json.</exception>
    public ModelRotation(ModelConfig config, ulong seed)
    {
        Plan = RotationPlan.For(config);
        _residual = new RandomizedHadamard(config.HiddenSize, seed);
        _intermediate = new HadamardTransform(config.IntermediateSize);
        _heads = new HeadTransforms(Plan);
    }

    /// <summary>Which transforms the model gets.</summary>
    public RotationPlan Plan { get; }

    /// <summary>E·Q.</summary>
    /// <param name="embedding">[vocab, hidden], a float format.</param>
    /// <param name="format">Float format of the result.</param>
    /// <param name="cancellation">Stops between rows.</param>
    /// <exception cref="InvalidDataException">A result does not fit the format; the message names the tensor.</exception>
    public LinearWeights RotateEmbedding(LinearWeights embedding, WeightFormat format, CancellationToken cancellation = default) =>
        WeightRotation.Inputs(embedding, null, _residual.Apply, format, cancellation);

    /// <summary>W·diag(g)·Q, g being the gain of the final norm, which becomes null.</summary>
    /// <inheritdoc cref="RotateEmbedding"/>
    public HeadWeights RotateHead(HeadWeights head, WeightFormat format, CancellationToken cancellation = default) => new()
    {
        FinalNorm = null,
        LmHead = WeightRotation.Inputs(head.LmHead, head.FinalNorm, _residual.Apply, format, cancellation),
    };

    /// <summary>One decoder layer with rotated weights and its norms fused.</summary>
    /// <param name="layer">Its weights in a float format.</param>
    /// <param name="store">
    /// What to keep of each rotated matrix, which is in Float32, for example a quantized one: then one such matrix is in memory at a time.
    /// </param>
    /// <param name="cancellation">Stops between rows.</param>
    public LayerWeights RotateLayer(
        LayerWeights layer, Func<LinearWeights, LinearWeights> store, CancellationToken cancellation = default)
    {
        // Each matrix lives in the frame of one of these functions, so that it is garbage as soon as it is stored.
        LinearWeights FromResidual(LinearWeights weights, float[]? gain) =>
            store(WeightRotation.Inputs(weights, gain, _residual.Apply, WeightFormat.Float32, cancellation));
        LinearWeights Values(LinearWeights weights, float[]? gain) => store(WeightRotation.Outputs(
            WeightRotation.Inputs(weights, gain, _residual.Apply, WeightFormat.Float32, cancellation), _heads.WithinHeads, cancellation));
        LinearWeights ToResidual(LinearWeights weights, RowTransform input) => store(WeightRotation.Outputs(
            WeightRotation.Inputs(weights, null, input, WeightFormat.Float32, cancellation), _residual.Apply, cancellation));

        return new LayerWeights
        {
            Q = FromResidual(layer.Q, layer.InputNorm),
            K = FromResidual(layer.K, layer.InputNorm),
            V = Values(layer.V, layer.InputNorm),
            O = ToResidual(layer.O, _heads.WithinAndAcrossHeads),
            Gate = FromResidual(layer.Gate, layer.PostAttentionNorm),
            Up = FromResidual(layer.Up, layer.PostAttentionNorm),
            Down = ToResidual(layer.Down, _intermediate.Apply),
        };
    }

    /// <summary>Second moments of o_proj's input as they would be without any transform, in place.</summary>
    /// <param name="moments">[in, in], of the input that the layer sees online.</param>
    public void UndoOutputInput(double[] moments) => WeightRotation.BothSides(moments, _heads.UndoWithinAndAcrossHeads);

    /// <summary>The same of down_proj's input.</summary>
    /// <inheritdoc cref="UndoOutputInput"/>
    public void UndoDownInput(double[] moments) => WeightRotation.BothSides(moments, _intermediate.ApplyTransposed);
}
