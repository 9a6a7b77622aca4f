using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>The tensor files of the checkpoint being written, and their index.</summary>
internal sealed class TensorFiles(string folder)
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };
    private readonly Dictionary<string, string> _fileOfTensor = new(StringComparer.Ordinal);

    /// <summary>Bytes of tensors written so far.</summary>
    public long BytesWritten { get; private set; }

    public void Write(string fileName, IReadOnlyList<SafetensorsTensor> tensors)
    {
        SafetensorsWriter.Write(Path.Combine(folder, fileName), tensors, Metadata);
        foreach (SafetensorsTensor tensor in tensors)
        {
            _fileOfTensor.Add(tensor.Name, fileName);
            BytesWritten += tensor.Data.Length;
        }
    }

    public void WriteIndex() => ConfigWriter.WriteIndex(Path.Combine(folder, SafetensorsFolder.IndexFile), _fileOfTensor, BytesWritten);
}
