namespace ManagedCuda.BasicTypes;

/// <summary>Which calls are refused while a stream is captured.</summary>
public enum CUstreamCaptureMode
{
    /// <summary>Unsafe calls of any thread.</summary>
    Global = 0,

    /// <summary>Unsafe calls of the capturing thread.</summary>
    Local = 1,

    /// <summary>None.</summary>
    Relaxed = 2,
}
