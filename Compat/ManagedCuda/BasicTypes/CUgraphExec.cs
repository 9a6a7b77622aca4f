namespace ManagedCuda.BasicTypes;

/// <summary>Handle of a graph that is ready to be launched.</summary>
public struct CUgraphExec
{
    /// <summary>The driver's pointer.</summary>
    public nint Pointer;
}
