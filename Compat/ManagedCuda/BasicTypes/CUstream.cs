namespace ManagedCuda.BasicTypes;

/// <summary>A queue of device work.</summary>
public struct CUstream
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}
