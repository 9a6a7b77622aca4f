namespace ManagedCuda.BasicTypes;

/// <summary>How a graph is made ready.</summary>
[Flags]
public enum CUgraphInstantiate_flags
{
    /// <summary>As it is.</summary>
    None = 0,
}
