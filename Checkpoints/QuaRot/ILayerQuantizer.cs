using QuaRot.Checkpoints.Rotation;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Quantizes decoder layers one after another where that takes more than the weights themselves: a calibration.</summary>
/// <remarks><see cref="CheckpointQuantizer"/> calls it from one thread, in the order of the layers.</remarks>
public interface ILayerQuantizer
{
    /// <summary>
    /// Everything beside the options and the source that the result depends on: a run that was interrupted is taken up only by one with the
    /// same.
    /// </summary>
    string Fingerprint { get; }

    /// <summary>Whether its layers come with biases of norms: <see cref="QuantizationConfig.NormBias"/>.</summary>
    /// <param name="options">What it will be asked for.</param>
    bool NormBias(QuantizationConfig options);

    /// <summary>Called before the first layer.</summary>
    /// <param name="source">The float model, valid during the call.</param>
    /// <param name="options">As they will stand in config.json.</param>
    /// <param name="rotation">How the model is rotated; null where it is not.</param>
    /// <param name="cancellation">Stops it.</param>
    void Begin(ICheckpoint source, QuantizationConfig options, ModelRotation? rotation, CancellationToken cancellation);

    /// <summary>Rotates and quantizes a layer.</summary>
    /// <param name="layer">Counted from 0.</param>
    /// <param name="source">Its weights in a float format.</param>
    /// <param name="cancellation">Stops it.</param>
    QuantizedLayer Quantize(int layer, LayerWeights source, CancellationToken cancellation);

    /// <summary>Fits lm_head to what the quantized layers give it; called once all layers are done.</summary>
    /// <param name="head">Some rows of it, rotated, in Float32, and the final norm where it was not fused.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>The rows in Float32.</returns>
    LinearWeights MatchHead(HeadWeights head, CancellationToken cancellation);

    /// <summary>Takes note of a layer that an interrupted run has quantized.</summary>
    /// <param name="layer">Counted from 0.</param>
    /// <param name="source">Its weights in a float format.</param>
    /// <param name="quantized">What <see cref="Quantize"/> gave then.</param>
    /// <param name="cancellation">Stops it.</param>
    void Skip(int layer, LayerWeights source, QuantizedLayer quantized, CancellationToken cancellation);
}
