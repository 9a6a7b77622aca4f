namespace ManagedCuda.NVRTC;

/// <summary>A compiler call failed; what is wrong with the source stands in the program's log.</summary>
public sealed class NVRTCException : Exception
{
    /// <summary>From what the call returned.</summary>
    public NVRTCException(nvrtcResult error)
        : base($"NVRTC error {error}") => NVRTCError = error;

    /// <summary>What the call returned.</summary>
    public nvrtcResult NVRTCError { get; }

    internal static void Check(nvrtcResult result)
    {
        if (result != nvrtcResult.Success)
        {
            throw new NVRTCException(result);
        }
    }
}
