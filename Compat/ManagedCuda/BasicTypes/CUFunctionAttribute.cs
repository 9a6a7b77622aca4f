namespace ManagedCuda.BasicTypes;

/// <summary>Settings of a kernel.</summary>
public enum CUFunctionAttribute
{
    /// <summary>Most bytes of dynamic shared memory that a launch may ask for.</summary>
    MaxDynamicSharedSizeBytes = 8,

    /// <summary>Share of an SM's memory that the kernel would have as shared memory, in percent.</summary>
    PreferredSharedMemoryCarveout = 9,
}
