using System.Text.Json;

namespace QuaRot.Checkpoints.Safetensors;

/// <summary>The JSON header of a safetensors file, checked against the size of the data that follows it.</summary>
/// <remarks>
/// Format: huggingface.co/docs/safetensors. As there, tensors must cover the data section exactly: bytes that belong to no tensor mean a
/// damaged file or one that hides something, and overlapping tensors mean a lie about at least one of them.
/// </remarks>
internal sealed class SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";
    private readonly string _file;
    private readonly long _dataLength;
    private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string file, long dataLength)
    {
        _file = file;
        _dataLength = dataLength;
    }

    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>
    /// Parses <paramref name="json"/>, the header of <paramref name="file"/>, which is followed by <paramref name="dataLength"/> bytes.
    /// </summary>
    /// <exception cref="CheckpointException">Anything in the header is malformed, out of range or contradicts the data.</exception>
    public static SafetensorsHeader Parse(string file, ReadOnlyMemory<byte> json, long dataLength)
    {
        var header = new SafetensorsHeader(file, dataLength);
        try
        {
            using var document = JsonDocument.Parse(json);
            header.ReadAll(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that holds invalid UTF-8 or a lone surrogate is only noticed when it is read.
            throw new CheckpointException(file, $"the safetensors header is not valid JSON: {e.Message}", e);
        }

        header.CheckCoverage();
        return header;
    }

    private void ReadAll(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new CheckpointException(_file, "the safetensors header is not a JSON object");
        bool hasMetadata = false;
        foreach (var entry in root.EnumerateObject())
        {
            if (entry.Name != MetadataKey)
            {
                if (!_tensors.TryAdd(entry.Name, ReadTensor(entry.Name, entry.Value)))
                    throw Fault(entry.Name, "appears twice in the header");
                continue;
            }

            if (hasMetadata)
                throw new CheckpointException(_file, $"{MetadataKey} appears twice in the header");
            hasMetadata = true;
            ReadMetadata(entry.Value);
        }
    }

    private void ReadMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw new CheckpointException(_file, $"{MetadataKey} is not an object");
        foreach (var entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
                throw new CheckpointException(_file, $"{MetadataKey}.{entry.Name} is not a string");
            if (!_metadata.TryAdd(entry.Name, entry.Value.GetString()!))
                throw new CheckpointException(_file, $"{MetadataKey}.{entry.Name} appears twice in the header");
        }
    }

    private TensorInfo ReadTensor(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Fault(name, "its header entry is not an object");
        if (!value.TryGetProperty("dtype", out var type) || type.ValueKind != JsonValueKind.String)
            throw Fault(name, "dtype is missing or not a string");
        string dtype = type.GetString()!;
        long[] shape = ReadNumbers(name, value, "shape");
        long[] offsets = ReadNumbers(name, value, "data_offsets");
        if (offsets.Length != 2)
            throw Fault(name, $"data_offsets has {offsets.Length} entries instead of 2");
        var (begin, end) = (offsets[0], offsets[1]);
        if (begin > end)
            throw Fault(name, $"data_offsets [{begin}, {end}] run backwards");
        if (end > _dataLength)
            throw Fault(name, $"data_offsets [{begin}, {end}] pass the end of the data, {_dataLength} bytes (truncated?)");
        var info = new TensorInfo(name, dtype, shape, begin, end);
        CheckSize(info);
        return info;
    }

    private long[] ReadNumbers(string name, JsonElement value, string field)
    {
        if (!value.TryGetProperty(field, out var list) || list.ValueKind != JsonValueKind.Array)
            throw Fault(name, $"{field} is missing or not an array");
        var numbers = new long[list.GetArrayLength()];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (list[i].ValueKind != JsonValueKind.Number || !list[i].TryGetInt64(out numbers[i]) || numbers[i] < 0)
                throw Fault(name, $"{field}[{i}] is {list[i].GetRawText()}, not a whole number from 0 to 2^63-1");
        }

        return numbers;
    }

    private void CheckSize(TensorInfo info)
    {
        if (TensorTypes.SizeOf(info.DType) is not { } elementSize)
            return;
        Int128 expected = elementSize;
        foreach (long extent in info.Shape)
        {
            expected *= extent;
            // Stays far below Int128's own limit: the next factor is below 2^63 as well.
            if (expected > long.MaxValue)
                throw Fault(info.Name, $"shape {info.ShapeText} is too large to count");
        }

        if (expected != info.ByteLength)
            throw Fault(info.Name, $"{info.DType} {info.ShapeText} takes {expected} bytes, data_offsets give it {info.ByteLength}");
    }

    private void CheckCoverage()
    {
        TensorInfo[] order = [.. _tensors.Values.OrderBy(t => t.Begin).ThenBy(t => t.End)];
        long covered = 0;
        string previous = "the header";
        foreach (var tensor in order)
        {
            if (tensor.Begin < covered)
                throw Fault(tensor.Name, $"begins at {tensor.Begin}, inside of '{previous}', which ends at {covered}");
            long gap = tensor.Begin - covered;
            if (gap > 0)
                throw Fault(tensor.Name, $"begins at {tensor.Begin}, so {gap} bytes after '{previous}' belong to no tensor");
            covered = tensor.End;
            previous = tensor.Name;
        }

        if (covered != _dataLength)
            throw new CheckpointException(_file, $"{_dataLength - covered} bytes after '{previous}' belong to no tensor");
    }

    private CheckpointException Fault(string tensor, string problem) => new(_file, $"tensor '{tensor}': {problem}");
}
