namespace ManagedCuda.BasicTypes;

/// <summary>Properties of a device.</summary>
public enum CUDeviceAttribute
{
    /// <summary>Streaming multiprocessors.</summary>
    MultiProcessorCount = 16,

    /// <summary>Major number of the compute capability.</summary>
    ComputeCapabilityMajor = 75,

    /// <summary>Minor number of the compute capability.</summary>
    ComputeCapabilityMinor = 76,

    /// <summary>Most bytes of shared memory of a block, where a kernel opts in.</summary>
    MaxSharedMemoryPerBlockOptin = 97,
}
