namespace ManagedCuda.BasicTypes;

/// <summary>A device.</summary>
public struct CUdevice
{
    /// <summary>Its ordinal.</summary>
    public int Pointer;
}
