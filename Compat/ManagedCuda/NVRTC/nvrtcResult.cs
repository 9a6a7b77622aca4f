namespace ManagedCuda.NVRTC;

/// <summary>What a compiler call returned.</summary>
public enum nvrtcResult
{
    /// <summary>It went well.</summary>
    Success = 0,

    /// <summary>The options are unknown to this version.</summary>
    ErrorInvalidOption = 5,

    /// <summary>The source does not compile; the log says why.</summary>
    ErrorCompilation = 6,
}
