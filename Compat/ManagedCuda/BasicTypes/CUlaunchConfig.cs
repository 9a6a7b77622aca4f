namespace ManagedCuda.BasicTypes;

/// <summary>A launch with attributes.</summary>
public struct CUlaunchConfig
{
    /// <summary>Blocks.</summary>
    public uint gridDimX;

    /// <summary>Blocks.</summary>
    public uint gridDimY;

    /// <summary>Blocks.</summary>
    public uint gridDimZ;

    /// <summary>Threads.</summary>
    public uint blockDimX;

    /// <summary>Threads.</summary>
    public uint blockDimY;

    /// <summary>Threads.</summary>
    public uint blockDimZ;

    /// <summary>Dynamic shared memory.</summary>
    public uint sharedMemBytes;

    /// <summary>Where it is queued.</summary>
    public CUstream hStream;

    /// <summary>Null for none.</summary>
    public CUlaunchAttribute[]? attrs;
}
