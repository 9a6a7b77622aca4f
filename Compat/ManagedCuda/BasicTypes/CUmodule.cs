namespace ManagedCuda.BasicTypes;

/// <summary>A loaded cubin or PTX.</summary>
public struct CUmodule
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}
