namespace Orleans.Serialization;

/// <summary>A type of an argument, result or member has no serializer: it lacks <see cref="GenerateSerializerAttribute"/>.</summary>
[GenerateSerializer]
public sealed class CodecNotFoundException(string message) : Exception(message);
