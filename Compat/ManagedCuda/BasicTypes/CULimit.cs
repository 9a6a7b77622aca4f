namespace ManagedCuda.BasicTypes;

/// <summary>Limits of a context that may be set.</summary>
public enum CULimit
{
    /// <summary>Bytes of stack that every thread gets; the driver enlarges it for a kernel that needs more.</summary>
    StackSize = 0,
}
