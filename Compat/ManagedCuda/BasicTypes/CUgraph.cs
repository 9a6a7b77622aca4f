namespace ManagedCuda.BasicTypes;

/// <summary>Handle of a graph.</summary>
public struct CUgraph
{
    /// <summary>The driver's pointer.</summary>
    public nint Pointer;
}
