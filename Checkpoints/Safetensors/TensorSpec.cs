namespace QuaRot.Checkpoints.Safetensors;

/// <summary>A tensor to be written, without its elements.</summary>
/// <param name="Name">Name, unique in its file.</param>
/// <param name="DType">Element type as <see cref="TensorTypes"/> spells it.</param>
/// <param name="Shape">Extents, outermost first.</param>
public sealed record TensorSpec(string Name, string DType, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements.</summary>
    /// <exception cref="OverflowException">It passes 2^63.</exception>
    public long Elements => Shape.Aggregate(1L, (count, extent) => checked(count * extent));

    /// <summary>Bytes of an element.</summary>
    /// <exception cref="ArgumentException">The type is not known.</exception>
    public int ElementSize => TensorTypes.SizeOf(DType) ?? throw new ArgumentException($"tensor '{Name}': element type {DType} is not known");

    /// <summary>Size in bytes.</summary>
    /// <exception cref="ArgumentException">The type is not known.</exception>
    public long ByteLength => checked(Elements * ElementSize);
}
