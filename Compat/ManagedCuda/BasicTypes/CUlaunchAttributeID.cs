namespace ManagedCuda.BasicTypes;

/// <summary>Which launch attribute.</summary>
public enum CUlaunchAttributeID
{
    /// <summary>The kernel may start before the one ahead has ended.</summary>
    ProgrammaticStreamSerialization = 6,
}
