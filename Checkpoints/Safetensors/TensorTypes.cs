namespace QuaRot.Checkpoints.Safetensors;

/// <summary>The element types of the safetensors format that this reader can measure.</summary>
public static class TensorTypes
{
    /// <summary>IEEE single.</summary>
    public const string F32 = "F32";

    /// <summary>IEEE half.</summary>
    public const string F16 = "F16";

    /// <summary>The upper 16 bits of an IEEE single.</summary>
    public const string BF16 = "BF16";

    /// <summary>Unsigned byte.</summary>
    public const string U8 = "U8";

    /// <summary>Signed byte.</summary>
    public const string I8 = "I8";

    /// <summary>Bytes per element; null for a type that is unknown here, whose tensors can be listed but not read.</summary>
    public static int? SizeOf(string dtype) => dtype switch
    {
        "BOOL" or U8 or I8 or "F8_E5M2" or "F8_E4M3" => 1,
        "I16" or "U16" or F16 or BF16 => 2,
        "I32" or "U32" or F32 => 4,
        "I64" or "U64" or "F64" => 8,
        _ => null,
    };
}
