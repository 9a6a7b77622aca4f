using System.Text.Json;

namespace QuaRot.Checkpoints.Safetensors;

/// <summary>
/// The tensors of a checkpoint folder: one <c>model.safetensors</c>, or the files that <c>model.safetensors.index.json</c> lists.
/// </summary>
/// <remarks>
/// Thread-safe. A listed file is mapped when its first tensor is asked for, so a shard opens only the files of its own layers.
/// </remarks>
public sealed class SafetensorsFolder : IDisposable
{
    /// <summary>File name of an unsplit checkpoint; it wins over an index, as in Hugging Face transformers.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>File name of the index of a split checkpoint.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly string _source;
    private readonly IReadOnlyDictionary<string, Lazy<SafetensorsFile>> _fileOfTensor;
    private readonly IReadOnlyList<Lazy<SafetensorsFile>> _files;

    private SafetensorsFolder(
        string source, IReadOnlyDictionary<string, Lazy<SafetensorsFile>> fileOfTensor, IReadOnlyList<Lazy<SafetensorsFile>> files)
    {
        _source = source;
        _fileOfTensor = fileOfTensor;
        _files = files;
    }

    /// <summary>Names of all tensors.</summary>
    public IEnumerable<string> Names => _fileOfTensor.Keys;

    /// <summary>Finds the files of a checkpoint folder.</summary>
    /// <exception cref="CheckpointException">
    /// There is neither file nor index, or the index is wrong or names a file that is missing or outside.
    /// </exception>
    public static SafetensorsFolder Open(string folder)
    {
        string single = Path.Combine(folder, SingleFile);
        if (File.Exists(single))
            return OpenFile(single);

        string index = Path.Combine(folder, IndexFile);
        if (!File.Exists(index))
            throw new CheckpointException(folder, $"holds neither {SingleFile} nor {IndexFile}");
        return OpenIndex(folder, index);
    }

    /// <summary>The tensors of one file, whatever its name.</summary>
    /// <exception cref="CheckpointException">The file is missing or broken.</exception>
    public static SafetensorsFolder OpenFile(string path)
    {
        var file = SafetensorsFile.Open(path);
        var opened = new Lazy<SafetensorsFile>(file);
        return new SafetensorsFolder(path, file.Tensors.Keys.ToDictionary(n => n, _ => opened, StringComparer.Ordinal), [opened]);
    }

    /// <summary>True when the checkpoint lists a tensor of that name.</summary>
    public bool Contains(string name) => _fileOfTensor.ContainsKey(name);

    /// <summary>The file that holds a tensor.</summary>
    /// <exception cref="CheckpointException">No file holds it, or that file is broken.</exception>
    public SafetensorsFile FileOf(string name) => _fileOfTensor.TryGetValue(name, out var file)
        ? file.Value
        : throw new CheckpointException(_source, $"tensor '{name}' is missing");

    /// <summary>The header entry of a tensor.</summary>
    /// <exception cref="CheckpointException">There is no such tensor, or its file is broken.</exception>
    public TensorInfo Info(string name) => FileOf(name).Info(name);

    /// <summary>The bytes of a tensor; see <see cref="SafetensorsFile.Bytes"/>.</summary>
    /// <exception cref="CheckpointException">There is no such tensor, or it cannot be read.</exception>
    public ReadOnlyMemory<byte> Bytes(string name) => FileOf(name).Bytes(name);

    /// <summary>Unmaps every file that was opened.</summary>
    public void Dispose()
    {
        foreach (var file in _files)
        {
            if (file.IsValueCreated)
                file.Value.Dispose();
        }
    }

    private static SafetensorsFolder OpenIndex(string folder, string index)
    {
        var files = new Dictionary<string, Lazy<SafetensorsFile>>(StringComparer.Ordinal);
        var fileOfTensor = new Dictionary<string, Lazy<SafetensorsFile>>(StringComparer.Ordinal);
        foreach (var (tensor, name) in ReadWeightMap(index))
        {
            if (!files.TryGetValue(name, out var file))
            {
                string path = ResolveInside(folder, index, tensor, name);
                file = new Lazy<SafetensorsFile>(() => SafetensorsFile.Open(path));
                files.Add(name, file);
            }

            if (!fileOfTensor.TryAdd(tensor, file))
                throw new CheckpointException(index, $"weight_map lists tensor '{tensor}' twice");
        }

        return new SafetensorsFolder(index, fileOfTensor, [.. files.Values]);
    }

    private static List<(string Tensor, string File)> ReadWeightMap(string index)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index));
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new CheckpointException(index, "weight_map is missing or not an object");
            var entries = new List<(string, string)>();
            foreach (var entry in map.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String)
                    throw new CheckpointException(index, $"weight_map['{entry.Name}'] is not a file name");
                entries.Add((entry.Name, entry.Value.GetString()!));
            }

            return entries;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(index, $"cannot be read: {e.Message}", e);
        }
    }

    // An index comes from whoever made the checkpoint: it must not make us open files elsewhere on the machine.
    private static string ResolveInside(string folder, string index, string tensor, string name)
    {
        bool escapes = name.Length == 0 || name.Contains('\0') || name.Contains(':') || name[0] is '/' or '\\'
            || Path.IsPathRooted(name) || name.Split('/', '\\').Contains("..");
        if (escapes)
            throw new CheckpointException(index, $"weight_map['{tensor}'] names '{name}', which is not inside the checkpoint folder");
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
            throw new CheckpointException(index, $"weight_map['{tensor}'] names '{name}', which is missing");
        return path;
    }
}
