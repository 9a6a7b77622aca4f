namespace ManagedCuda.BasicTypes;

/// <summary>A context: a device's memory and modules in this process.</summary>
public struct CUcontext
{
    /// <summary>The driver's handle.</summary>
    public nint Pointer;
}
