namespace QuaRot.Checkpoints.Synthesis;

/// <summary>How far <see cref="SyntheticCheckpoint"/> is.</summary>
/// <param name="FilesDone">Tensor files that are written.</param>
/// <param name="Files">Tensor files of the checkpoint.</param>
public sealed record SynthesisProgress(int FilesDone, int Files);
