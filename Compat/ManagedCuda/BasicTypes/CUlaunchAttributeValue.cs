using System.Runtime.InteropServices;

namespace ManagedCuda.BasicTypes;

/// <summary>Value of a launch attribute: 64 bytes, of which each attribute reads the first few. As in the package, those have no public name.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct CUlaunchAttributeValue
{
    /// <summary>The last bytes.</summary>
    [FieldOffset(60)]
    public int pad;
}
