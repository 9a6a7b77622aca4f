namespace ManagedCuda.BasicTypes;

/// <summary>An address in device memory.</summary>
public struct CUdeviceptr
{
    /// <summary>The address.</summary>
    public SizeT Pointer;
}
