namespace ManagedCuda.BasicTypes;

/// <summary>Settings of a kernel.</summary>
public enum CUFunctionAttribute
{
    /// <summary>Most bytes of dynamic shared memory that a launch may ask for.</summary>
    MaxDynamicSharedSizeBytes = 8,
}
