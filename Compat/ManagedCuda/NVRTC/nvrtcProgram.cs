namespace ManagedCuda.NVRTC;

/// <summary>A source under compilation.</summary>
public struct nvrtcProgram
{
    /// <summary>The compiler's handle.</summary>
    public nint Pointer;
}
