namespace QuaRot.Checkpoints.Rotation;

/// <summary>
/// A float checkpoint seen through the QuaRot transform: the same function, rotated, in single precision and without quantization.
/// </summary>
/// <remarks>
/// Rotates on every read and keeps nothing. Shows that the transform changes nothing (computational invariance), before bits are cut.
/// </remarks>
public sealed class RotatedCheckpoint : ICheckpoint
{
    private readonly ICheckpoint _source;
    private readonly ModelRotation _rotation;

    /// <summary>Wraps <paramref name="source"/>, which is disposed with this.</summary>
    /// <param name="source">A float checkpoint.</param>
    /// <param name="seed">Seed of the signs of the residual stream's rotation.</param>
    /// <exception cref="ArgumentException">A size has no Hadamard matrix, or the source is quantized already.</exception>
    public RotatedCheckpoint(ICheckpoint source, ulong seed)
    {
        if (source.Config.Quantization is not null)
        {
            throw new ArgumentException("the source is a QuaRot checkpoint already", nameof(source));
        }

        _source = source;
        _rotation = new ModelRotation(source.Config, seed);
        Config = source.Config with
        {
            TieWordEmbeddings = false,
            Quantization = new QuantizationConfig
            {
                WeightBits = 16,
                ActivationBits = 16,
                KeyBits = 16,
                ValueBits = 16,
                Rotate = true,
                Seed = seed,
                WeightClipSearch = false,
            },
        };
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <inheritdoc/>
    public LinearWeights ReadEmbedding() => _rotation.RotateEmbedding(_source.ReadEmbedding(), WeightFormat.Float32);

    /// <inheritdoc/>
    public LayerWeights ReadLayer(int layer) => _rotation.RotateLayer(_source.ReadLayer(layer), weights => weights);

    /// <inheritdoc/>
    public HeadWeights ReadHead() => _rotation.RotateHead(_source.ReadHead(), WeightFormat.Float32);

    /// <summary>Disposes the source.</summary>
    public void Dispose() => _source.Dispose();
}
