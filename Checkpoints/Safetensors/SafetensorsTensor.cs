namespace QuaRot.Checkpoints.Safetensors;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">Name, unique in its file.</param>
/// <param name="DType">Element type as <see cref="TensorTypes"/> spells it.</param>
/// <param name="Shape">Extents, outermost first.</param>
/// <param name="Data">The elements, row-major and little endian.</param>
public sealed record SafetensorsTensor(string Name, string DType, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data);
