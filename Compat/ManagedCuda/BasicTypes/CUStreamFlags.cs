namespace ManagedCuda.BasicTypes;

/// <summary>Kinds of stream.</summary>
[Flags]
public enum CUStreamFlags : uint
{
    /// <summary>Waits for the default stream.</summary>
    None = 0,

    /// <summary>Independent of the default stream.</summary>
    NonBlocking = 1,
}
