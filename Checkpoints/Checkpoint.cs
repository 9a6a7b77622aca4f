using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.QuaRot;

namespace QuaRot.Checkpoints;

/// <summary>Opens a checkpoint folder of either kind.</summary>
public static class Checkpoint
{
    /// <summary>A <see cref="QuaRotCheckpoint"/> where config.json has a <c>quantization_config</c>, else a <see cref="HuggingFaceCheckpoint"/>.</summary>
    /// <exception cref="CheckpointException">The folder lacks a file, or a file is broken or of an unsupported kind.</exception>
    public static ICheckpoint Open(string folder) =>
        ModelConfigReader.Read(Path.Combine(folder, "config.json")).Quantization is null
            ? HuggingFaceCheckpoint.Open(folder)
            : QuaRotCheckpoint.Open(folder);
}
