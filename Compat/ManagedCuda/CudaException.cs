using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda;

/// <summary>A driver call failed.</summary>
public sealed class CudaException : Exception
{
    /// <summary>From what the call returned.</summary>
    public CudaException(CUResult error)
        : base($"{error}: {Describe(error)}") => (CudaError, CudaInternalErrorDescription) = (error, Describe(error));

    /// <summary>What the call returned.</summary>
    public CUResult CudaError { get; }

    /// <summary>The driver's words for it; null where it has none.</summary>
    public string? CudaInternalErrorDescription { get; }

    internal static void Check(CUResult result)
    {
        if (result != CUResult.Success)
        {
            throw new CudaException(result);
        }
    }

    private static string? Describe(CUResult error)
    {
        nint text = 0;
        _ = DriverAPINativeMethods.ErrorHandling.cuGetErrorString(error, ref text);
        return Marshal.PtrToStringUTF8(text);
    }
}
