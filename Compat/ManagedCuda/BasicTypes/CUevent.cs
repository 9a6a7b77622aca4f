namespace ManagedCuda.BasicTypes;

/// <summary>A mark in a stream.</summary>
public struct CUevent
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}
