namespace QuaRot.Checkpoints.QuaRot;

/// <summary>How far <see cref="CheckpointQuantizer"/> is.</summary>
/// <param name="LayersDone">Decoder layers that are written.</param>
/// <param name="Layers">Decoder layers of the model.</param>
/// <param name="BytesWritten">Bytes of tensor files so far.</param>
/// <param name="Elapsed">Time since the start.</param>
/// <param name="Finished">True once, when the destination folder stands.</param>
public sealed record QuantizeProgress(int LayersDone, int Layers, long BytesWritten, TimeSpan Elapsed, bool Finished);
