namespace ManagedCuda.BasicTypes;

/// <summary>The driver's size_t.</summary>
public readonly struct SizeT
{
    private readonly nuint _value;

    private SizeT(ulong value) => _value = (nuint)value;

    /// <summary>From a number; its bits.</summary>
    public static implicit operator SizeT(long value) => new((ulong)value);

    /// <summary>From a number.</summary>
    public static implicit operator SizeT(ulong value) => new(value);

    /// <summary>To a number.</summary>
    public static implicit operator long(SizeT value) => (long)value._value;

    /// <summary>To a number.</summary>
    public static implicit operator ulong(SizeT value) => value._value;
}
