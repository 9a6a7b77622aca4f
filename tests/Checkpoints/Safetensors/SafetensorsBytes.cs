using System.Buffers.Binary;
using System.Text;

namespace QuaRot.Checkpoints.Tests.Safetensors;

/// <summary>Builds safetensors files byte by byte, so that tests can also build wrong ones.</summary>
internal static class SafetensorsBytes
{
    /// <summary>Length prefix, header and data; <paramref name="headerLength"/> overrides the true length.</summary>
    public static byte[] Raw(string header, byte[] data, ulong? headerLength = null)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, headerLength ?? (ulong)json.Length);
        return [.. prefix, .. json, .. data];
    }

    /// <summary>A correct file that holds the tensors one after the other.</summary>
    public static byte[] Valid(params (string Name, string DType, long[] Shape, byte[] Data)[] tensors)
    {
        var entries = new List<string>();
        var data = new List<byte>();
        foreach (var (name, dtype, shape, bytes) in tensors)
        {
            string extents = string.Join(',', shape);
            string offsets = $"{data.Count},{data.Count + bytes.Length}";
            entries.Add($$"""
                "{{name}}":{"dtype":"{{dtype}}","shape":[{{extents}}],"data_offsets":[{{offsets}}]}
                """);
            data.AddRange(bytes);
        }

        return Raw($"{{{string.Join(',', entries)}}}", [.. data]);
    }
}
