namespace ManagedCuda.BasicTypes;

/// <summary>A kernel of a module.</summary>
public struct CUfunction
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}
