using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda;

/// <summary>A driver call failed.</summary>
public sealed class CudaException : Exception
{
    /// <summary>From what the call returned.</summary>
    public CudaException(CUResult error)
        : base(Describe(error)) => CudaError = error;

    /// <summary>What the call returned.</summary>
    public CUResult CudaError { get; }

    internal static void Check(CUResult result)
    {
        if (result != CUResult.Success)
        {
            throw new CudaException(result);
        }
    }

    private static string Describe(CUResult error)
    {
        nint text = 0;
        return DriverAPINativeMethods.ErrorHandling.cuGetErrorString(error, ref text) == CUResult.Success
            ? $"{error}: {Marshal.PtrToStringUTF8(text)}"
            : $"CUDA error {error}";
    }
}
