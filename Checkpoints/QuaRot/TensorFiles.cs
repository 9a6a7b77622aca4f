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
            Count(tensor.Name, fileName, tensor.Data.Length);
        }
    }

    /// <summary>Writes tensors that <paramref name="write"/> makes one after another.</summary>
    public void Write(string fileName, IReadOnlyList<TensorSpec> specs, Action<TensorSpec, Stream> write)
    {
        SafetensorsWriter.Write(Path.Combine(folder, fileName), specs, write, Metadata);
        foreach (TensorSpec spec in specs)
        {
            Count(spec.Name, fileName, spec.ByteLength);
        }
    }

    /// <summary>Counts a file that an earlier run has written.</summary>
    public void Add(string fileName, SafetensorsFile file)
    {
        foreach (TensorInfo tensor in file.Tensors.Values)
        {
            Count(tensor.Name, fileName, tensor.ByteLength);
        }
    }

    public void WriteIndex() => ConfigWriter.WriteIndex(Path.Combine(folder, SafetensorsFolder.IndexFile), _fileOfTensor, BytesWritten);

    private void Count(string tensor, string fileName, long bytes)
    {
        _fileOfTensor.Add(tensor, fileName);
        BytesWritten += bytes;
    }
}
