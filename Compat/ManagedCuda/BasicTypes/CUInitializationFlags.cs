namespace ManagedCuda.BasicTypes;

/// <summary>Argument of cuInit.</summary>
[Flags]
public enum CUInitializationFlags : uint
{
    /// <summary>The only one.</summary>
    None = 0,
}
