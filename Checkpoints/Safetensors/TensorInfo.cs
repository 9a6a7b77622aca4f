namespace QuaRot.Checkpoints.Safetensors;

/// <summary>One entry of a safetensors header.</summary>
/// <param name="Name">Name, unique in its file.</param>
/// <param name="DType">
/// Element type as the header spells it, for example <c>F16</c>; may be one that <see cref="TensorTypes"/> does not know.
/// </param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte, counted from the end of the header.</param>
public sealed record TensorInfo(string Name, string DType, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>Size in bytes.</summary>
    public long ByteLength => End - Begin;

    /// <summary>The shape as people write it: <c>[8192, 512]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
