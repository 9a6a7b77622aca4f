using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace QuaRot.Checkpoints.Safetensors;

/// <summary>Writes safetensors files.</summary>
/// <remarks>
/// The header is padded with spaces to a multiple of 8 bytes and wide elements come first, so that every tensor is aligned to its element
/// size
/// when the file is mapped. Within one width the order is that of the names: the same tensors give the same bytes.
/// </remarks>
public static class SafetensorsWriter
{
    /// <summary>Writes a new file and forces it to the disk; an existing one is replaced.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="tensors">Its tensors, in any order.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>; null for none.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, or a tensor's data do not fit its shape and type.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var data = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var specs = new List<TensorSpec>();
        foreach (SafetensorsTensor tensor in tensors)
        {
            var spec = new TensorSpec(tensor.Name, tensor.DType, tensor.Shape);
            Check(spec, data.TryAdd(tensor.Name, tensor.Data), tensor.Data.Length);
            specs.Add(spec);
        }

        Write(path, specs, (spec, stream) => stream.Write(data[spec.Name].Span), metadata);
    }

    /// <summary>The same for tensors whose elements are only made when their turn comes, so that they need never be in memory together.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="specs">Its tensors, in any order.</param>
    /// <param name="write">Writes the elements of a tensor, row-major and little endian, to the stream.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>; null for none.</param>
    /// <exception cref="ArgumentException">
    /// Two tensors have one name, or <paramref name="write"/> wrote more or less than a tensor has.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(
        string path, IEnumerable<TensorSpec> specs, Action<TensorSpec, Stream> write, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorSpec[] order = [.. specs.OrderByDescending(spec => spec.ElementSize).ThenBy(spec => spec.Name, StringComparer.Ordinal)];
        ReadOnlySpan<byte> header = Header(order, metadata);
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (TensorSpec spec in order)
        {
            long start = stream.Position;
            write(spec, stream);
            Check(spec, isNew: true, stream.Position - start);
        }

        stream.Flush(flushToDisk: true);
    }

    private static ReadOnlySpan<byte> Header(TensorSpec[] order, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            var names = new HashSet<string>(StringComparer.Ordinal);
            long offset = 0;
            foreach (TensorSpec spec in order)
            {
                Check(spec, names.Add(spec.Name), spec.ByteLength);
                WriteEntry(json, spec, offset);
                offset += spec.ByteLength;
            }

            json.WriteEndObject();
        }

        int padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenSpan;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null)
        {
            return;
        }

        json.WriteStartObject("__metadata__");
        foreach ((string key, string value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorSpec tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType);
        json.WriteStartArray("shape");
        foreach (long extent in tensor.Shape)
        {
            json.WriteNumberValue(extent);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.ByteLength);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Check(TensorSpec tensor, bool isNew, long bytes)
    {
        if (tensor.Name == "__metadata__" || !isNew)
        {
            throw new ArgumentException($"tensor '{tensor.Name}' is there twice, or has the name of the metadata");
        }

        Int128 expected = tensor.Shape.Aggregate((Int128)tensor.ElementSize, (size, extent) => size * extent);
        if (expected != bytes)
        {
            string shape = string.Join(", ", tensor.Shape);
            throw new ArgumentException($"tensor '{tensor.Name}': {tensor.DType} [{shape}] takes {expected} bytes, it has {bytes}");
        }
    }
}
