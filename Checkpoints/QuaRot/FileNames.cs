namespace QuaRot.Checkpoints.QuaRot;

/// <summary>
/// Names of the files of a QuaRot checkpoint; its tensors are named as <see cref="DecoderLayout"/> says, plus one suffix for scales.
/// Frozen by the files that exist.
/// </summary>
internal static class FileNames
{
    public const string EmbedHeadFile = "model-embed-head.safetensors";

    public static string LayerFile(int layer) => $"model-layer-{layer:D5}.safetensors";
}
