namespace QuaRot.Kernels.Gpu;

/// <summary>A GPU cannot do what was asked of it; the message names the GPU and what it was about.</summary>
public sealed class GpuException : Exception
{
    /// <summary>Creates the exception.</summary>
    public GpuException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
