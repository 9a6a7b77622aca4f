using System.Runtime.InteropServices;

namespace ManagedCuda.BasicTypes;

/// <summary>A launch attribute.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CUlaunchAttribute
{
    /// <summary>Which one.</summary>
    public CUlaunchAttributeID id;

    /// <summary>Nothing.</summary>
    public int pad;

    /// <summary>Its value.</summary>
    public CUlaunchAttributeValue value;
}
